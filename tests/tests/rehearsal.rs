//! The database to rehearse on has everything that it promises, and the same each time.

use testkit::postgres;

/// Types of the catalog whose input functions refuse every value: no table has more than nulls of them.
const WITHOUT_INPUT: &str =
    "'gtsvector', 'pg_brin_bloom_summary', 'pg_brin_minmax_multi_summary', 'pg_dependencies',
    'pg_mcv_list', 'pg_ndistinct', 'pg_node_tree'";

#[test]
fn every_built_in_type_has_a_column() {
    for server in postgres::servers() {
        let url = server.database();
        postgres::rehearse(&url);
        let missing = format!(
            "select typname from pg_type t
            where typnamespace = 'pg_catalog'::regnamespace and typtype in ('b', 'r', 'm') and typcategory <> 'A'
                and typname not in ({WITHOUT_INPUT}) and not exists (
                    select from pg_attribute a join pg_class c on c.oid = a.attrelid
                    where c.relnamespace = 'rehearsal'::regnamespace and a.atttypid = t.oid and a.attnum > 0)"
        );
        assert_eq!(postgres::query(&url, &missing), Vec::<Vec<_>>::new());
    }
}

#[test]
fn it_is_the_same_each_time() {
    let all = "select (select md5(string_agg(t::text, '|' order by id)) from search.people t)
        || (select md5(string_agg(t::text, '|' order by id)) from search.work t)
        || (select md5(string_agg(t::text, '|' order by id)) from rehearsal.numbers t)
        || (select md5(string_agg(t::text, '|' order by id)) from rehearsal.internals t)
        || (select md5(string_agg(t::text, '|' order by id)) from rehearsal.big_values t)";
    let servers = postgres::servers();
    let digests: Vec<_> = [&servers[..], &servers[..1]]
        .concat()
        .into_iter()
        .map(|server| {
            let url = server.database();
            postgres::rehearse(&url);
            postgres::value(&url, all)
        })
        .collect();
    assert!(digests.iter().all(|digest| *digest == digests[0]), "{digests:?}");
}

#[test]
fn hot_slices_are_cities_and_roles_among_as_many_people_as_asked_for() {
    let url = postgres::database();
    postgres::rehearse_with(&url, 200, 5, 7);
    let count = |of: &str| postgres::value(&url, &format!("select count(*) from {of}"));
    assert_eq!(count("search.people_all()"), "200");
    assert_eq!(count("search.studios_all()"), "5");
    assert_eq!(count("search.work_all()"), "7");
    assert_eq!(count("search.people_hot('paris')"), count("search.people where city = 'paris'"));
    assert_eq!(count("search.people_hot('model')"), count("search.people where role = 'model'"));
    assert_eq!(count("search.people_hot('nowhere')"), "0");
    assert_ne!(count("search.people_hot('paris')"), "0");
}
