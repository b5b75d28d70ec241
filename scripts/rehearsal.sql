-- A database to rehearse on: every type that a column can have, every kind of table, and what a search index is filled
-- from. The same on every run and on every server, PostgreSQL 15 or newer:
--
--   psql "$DB_URL" -f scripts/rehearsal.sql
--   PGOPTIONS='-c rehearsal.people=100000' psql "$DB_URL" -f scripts/rehearsal.sql
--
-- The settings rehearsal.people (1000), rehearsal.studios (100) and rehearsal.work (2000) are numbers of rows.
-- It drops nothing: where its schemas exist already, it fails and leaves them as they are.

begin;

create schema rehearsal;
set local search_path = rehearsal, pg_catalog;

-- ---- types

create table numbers (
    id int primary key,
    tiny smallint, small int, big bigint,
    single real, double double precision,
    exact numeric, scaled numeric(20, 4), negative_scale numeric(10, -2),
    price money, truth boolean
);
insert into numbers values
    (1, 1, 1, 1, 0.1, 0.1, 1.10, 1.1, 12345, '1.10', true),
    (2, -32768, -2147483648, -9223372036854775808, '-0', '-0', '-0.000', '-0.0001', -99999, '-92233720368547758.08', false),
    (3, 32767, 2147483647, 9223372036854775807, '3.4028235e38', '1.7976931348623157e308',
        ('1' || repeat('0', 200) || '.' || repeat('3', 200))::numeric, 9999999999999999.9999, 999999900,
        '92233720368547758.07', true),
    (4, 0, 0, 0, 'NaN', 'NaN', 'NaN', 'NaN', 0, '0', null),
    (5, 0, 0, 0, 'Infinity', 'Infinity', 'Infinity', 0.0000, 0, '0', null),
    (6, 0, 0, 0, '-Infinity', '-Infinity', '-Infinity', 0.0000, 0, '0', null),
    (7, 0, 0, 0, '1e-45', '5e-324', 1e-100, 1.0000, 100, '0.01', null),
    (8, null, null, null, null, null, 123456789012345678901234567890.12345678901234567890, null, null, null, null),
    (9, null, null, null, null, null, null, null, null, null, null);

create table texts (
    id int primary key,
    free text, varying varchar(40), padded char(8), single "char", short name, bytes bytea,
    four_bits bit(4), some_bits bit varying, cursor refcursor
);
insert into texts values
    (1, 'plain', 'plain', 'plain', 'p', 'plain', 'plain', b'0101', b'1', 'c'),
    (2, '', '', '', '', '', '', b'0000', b'', ''),
    (3, E'line\nbreak, tab\t, return\r, quote '' and ", backslash \\, \\N, \\.', E'\\N', E'a\\b', E'\\', E'a\\b',
        E'\\x5c0a00ff', b'1111', repeat('10', 100)::bit varying, E'a\nb'),
    (4, E'\u0001\u001f\u007f\u0085\u00a0\u2028\u2029\ufeff', E'é e\u0301', '東京', 'z', '東京',
        (select decode(string_agg(lpad(to_hex(n), 2, '0'), ''), 'hex') from generate_series(0, 255) n), b'1010', b'0',
        '東京'),
    (5, '👩‍👩‍👧‍👦 עברית 𝄞', '  spaces  ', '  a     ', ' ', ' a ', '\x00', b'0001', b'00000000', ' '),
    (6, '{"looks": "like JSON"}', 'null', 'NULL', 'N', 'null', 'null', b'1000', b'01', 'null'),
    (7, null, null, null, null, null, null, null, null, null);

create table times (
    id int primary key,
    day date, clock time, clock_3 time(3), zoned_clock timetz, stamp timestamp, stamp_0 timestamp(0), instant timestamptz,
    span interval, months interval year to month
);
insert into times values
    (1, '2026-11-20', '10:00', '10:00', '10:00+01', '2026-11-20 10:00', '2026-11-20 10:00', '2026-11-20 10:00+00',
        '1 day', '1 year'),
    (2, 'infinity', '24:00', '24:00', '24:00-15:59', 'infinity', 'infinity', 'infinity', '0', '0'),
    (3, '-infinity', '00:00', '00:00', '00:00+15:59', '-infinity', '-infinity', '-infinity',
        '-178000000 years', '-1 month'),
    (4, '4713-01-01 BC', '23:59:59.999999', '23:59:59.999', '23:59:59.999999+05:45', '4713-01-01 00:00:00 BC',
        '0001-01-01 00:00:00 BC', '4713-01-01 00:00:00+00 BC', '1 mon -1 day +00:00:00.000001', '-1 year -1 month'),
    (5, '5874897-12-31', '12:34:56.000001', '12:34:56.789', '12:34:56.7-08', '294276-12-31 23:59:59.999999',
        '2000-02-29 23:59:59', '294276-12-31 23:59:59.999999+00', '30 days 720:00:00', '178956970 years 7 months'),
    (6, null, null, null, null, null, null, null, null, null);

create table addresses (
    id int primary key,
    host inet, network cidr, card macaddr, long_card macaddr8, unique_id uuid
);
insert into addresses values
    (1, '192.0.2.1', '192.0.2.0/24', '08:00:2b:01:02:03', '08:00:2b:01:02:03:04:05',
        'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'),
    (2, '192.0.2.1/24', '0.0.0.0/0', '00:00:00:00:00:00', '00:00:00:00:00:00:00:00',
        '00000000-0000-0000-0000-000000000000'),
    (3, '2001:db8::1/64', '2001:db8::/32', 'ff:ff:ff:ff:ff:ff', 'ff:ff:ff:ff:ff:ff:ff:ff',
        'ffffffff-ffff-ffff-ffff-ffffffffffff'),
    (4, null, null, null, null, null);

create table shapes (
    id int primary key,
    place point, straight line, segment lseg, around box, way path, area polygon, ring circle
);
insert into shapes values
    (1, '(1.5,-0)', '{1,-1,0.1}', '[(0,0),(1,1)]', '((0,0),(1,1))', '[(0,0),(1,1),(2,0)]', '((0,0),(1,1),(2,0))',
        '<(0,0),1>'),
    (2, '(Infinity,NaN)', '{0,1,0}', '[(1e-300,0),(1e300,1)]', '((-1,-1),(-1,-1))', '((0,0),(1,1),(2,0))', '((0,0))',
        '<(0.1,0.2),0>'),
    (3, null, null, null, null, null, null, null);

create table documents (
    id int primary key,
    raw json, binary_form jsonb, json_path jsonpath, words tsvector, word_query tsquery, marked xml
);
insert into documents values
    (1, '{"a": 1.10, "b": [true, null]}', '{"a": 1.10, "b": [true, null]}', '$.b[*] ? (@ == true)',
        'a:1A fat:2B,4C cat:5', 'fat & (rat | !cat)', null),
    (2, E'{"twice": 1,\n\t"twice": 2,\r\n "n": 123456789012345678901234567890}',
        '{"n": 123456789012345678901234567890, "e": 1e400, "z": -0.0}', 'strict $.a.b', '', 'a <2> b:*', null),
    (3, '"\u00e9 \ud834\udd1e \" \\ \/"', '"é 𝄞 \" \\ /"', '$', E'\'two words\':3', '!a', null),
    (4, ' null ', 'null', '$."quoted key"', null, null, null),
    (5, '[]', '{}', null, null, null, null),
    (6, null, null, null, null, null, null);
do $$ begin
    update documents set marked = '<a href="x">é &amp; <b/></a>' where id = 1;
exception when feature_not_supported then
    raise notice 'this server is built without XML: those columns are null';
end $$;

create table ranges (
    id int primary key,
    ints int4range, bigs int8range, exact numrange, stamps tsrange, instants tstzrange, days daterange,
    many_ints int4multirange, many_bigs int8multirange, many_exact nummultirange, many_stamps tsmultirange,
    many_instants tstzmultirange, many_days datemultirange
);
insert into ranges values
    (1, '[1,10)', '[1,10]', '(1.10,2.20]', '[2026-01-01,2027-01-01)', '[2026-01-01 00:00+00,2027-01-01 00:00+00)',
        '[2026-01-01,2026-12-31]', '{[1,3),[5,8)}', '{[1,2)}', '{(0.1,0.2),[0.3,0.3]}', '{[2026-01-01,2027-01-01)}',
        '{[2026-01-01 00:00+00,)}', '{(,2026-01-01),[2027-01-01,2027-01-02]}'),
    (2, 'empty', 'empty', 'empty', 'empty', 'empty', 'empty', '{}', '{}', '{}', '{}', '{}', '{}'),
    (3, '(,)', '(,5)', '[5,)', '[-infinity,infinity]', '[-infinity,infinity)', '(,)', '{(,)}', '{(,5),[7,)}',
        '{(,NaN]}', '{(,)}', '{(,)}', '{(,)}'),
    (4, null, null, null, null, null, null, null, null, null, null, null, null);

-- Names of things that every server has: what is stored is a number.
create table internals (
    id int primary key,
    object oid, function regproc, signature regprocedure, operator regoper, operator_signature regoperator,
    relation regclass, type_name regtype, configuration regconfig, dictionary regdictionary, role_name regrole,
    space regnamespace, ordering regcollation,
    position_in_log pg_lsn, transaction_number xid, long_number xid8, command cid, row_address tid,
    old_snapshot txid_snapshot, snapshot pg_snapshot, shorts int2vector, objects oidvector, grants aclitem
);
insert into internals values
    (1, 1, 'now', 'abs(numeric)', '||/', '+(integer,integer)', 'pg_class', 'integer', 'simple', 'simple', 'pg_monitor',
        'pg_catalog', '"C"', '16/B374D848', '1', '1', '1', '(1,1)', '10:20:10,14,15', '10:20:10,14,15', '1 2 3', '1 2 3',
        'pg_monitor=r/pg_monitor'),
    (2, 4294967295, 'pg_catalog.version', 'version()', '|/', '!!(NONE,tsquery)', 'pg_catalog.pg_type', 'numeric(10,2)',
        'english', 'english_stem', 'pg_read_all_data', 'information_schema', '"POSIX"', 'FFFFFFFF/FFFFFFFF', '4294967295',
        '18446744073709551615', '4294967295', '(4294967295,65535)', '1:1:', '1:1:', '', '',
        'pg_read_all_data=arwdDxt*/pg_monitor'),
    (3, 0, '-', '-', '0', '0', '-', '-', null, null, '-', '-', '-', '0/0', '0', '0', '0', '(0,0)', null, null, null,
        null, null),
    (4, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null,
        null, null, null, null);

create type mood as enum ('sad', 'ok', 'very "happy"', 'weiß nicht', '');
create type place as (x double precision, label text, seen timestamptz);
create type trip as (start place, ways text[], feeling mood);
create domain percent as int check (value between 0 and 100);
create domain tag as text collate "C" not null;
create domain tags as text[];
create type double_range as range (subtype = double precision, subtype_diff = float8mi);
create type mood_range as range (subtype = mood);

create table made_types (
    id int primary key,
    feeling mood, feelings mood[], spot place, spots place[], journey trip, share percent, shares percent[], labels tags,
    doubles double_range, many_doubles double_multirange, feelings_range mood_range
);
insert into made_types values
    (1, 'ok', '{sad,"very \"happy\""}', row(1.5, 'a,b "c" (d)', '2026-11-20 10:00+00'),
        array[row(1, null, null)::place, null], row(row(0, '', 'infinity'), array['a', null], 'sad'), 50, '{0,100}',
        '{a,b}', '[1.5,2.5)', '{[1,2),[3,4)}', '[sad,ok]'),
    (2, '', '{}', row(null, null, null), '{}', row(null, null, null), 0, '{NULL}', '{}', 'empty', '{}', '(,)'),
    (3, null, null, null, null, null, null, null, null, null, null, null);

create table arrays (
    id int primary key,
    ints int[], bigs bigint[], exact numeric[], doubles double precision[], words text[], truths boolean[], bytes bytea[],
    days date[], instants timestamptz[], documents jsonb[], raws json[], unique_ids uuid[], hosts inet[], spans interval[],
    int_ranges int4range[]
);
insert into arrays values
    (1, '{1,2,3}', '{1}', '{1.10,NaN}', '{0.1,-0,Infinity}', array['a', null, 'NULL', '', 'a"b\c', '{}'], '{t,f,NULL}',
        '{"\\x00ff"}', '{2026-11-20,infinity}', '{"2026-11-20 10:00+00"}', array['{"a": 1.10}'::jsonb],
        array['{"a":  1}'::json], '{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}', '{192.0.2.1}', '{1 day,-1 mon}',
        '{"[1,5)",empty}'),
    (2, '{{1,2},{3,NULL}}', '{{{1}},{{2}}}', '{}', '{}', '{{a,b},{c,d}}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}',
        '{}', '{}'),
    (3, '[0:1]={7,8}', '[-1:0][2:3]={{1,2},{3,4}}', '{NULL}', '{NULL}', '{NULL}', '{NULL}', '{NULL}', '{NULL}', '{NULL}',
        '{NULL}', '{NULL}', '{NULL}', '{NULL}', '{NULL}', '{NULL}'),
    (4, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null);

-- ---- tables

create table orders (
    id bigint not null, ordered date not null, region text, amount numeric(12, 2)
) partition by range (ordered);
create table orders_2025 partition of orders for values from ('2025-01-01') to ('2026-01-01');
create table orders_2026 partition of orders for values from ('2026-01-01') to ('2027-01-01') partition by list (region);
create table orders_2026_eu partition of orders_2026 for values in ('de', 'fr', 'pl');
create table orders_2026_none partition of orders_2026 for values in (null);
create table orders_2026_rest partition of orders_2026 default;
create table orders_rest partition of orders default;
insert into orders
    select n, date '2024-07-01' + n % 1000, (array['de', 'fr', 'us', 'jp', null])[1 + n % 5], n * 1.01
    from generate_series(1, 2000) n;
-- Invalid, until every partition has its part.
create index orders_region on only orders (region);

create table buckets (key text primary key, value int) partition by hash (key);
create table buckets_0 partition of buckets for values with (modulus 2, remainder 0);
create table buckets_1 partition of buckets for values with (modulus 2, remainder 1);
insert into buckets select 'key ' || n, n from generate_series(1, 200) n;

create table vehicles (id int primary key, name text not null);
create table cars (doors int, primary key (id)) inherits (vehicles);
create table vans (load_kg numeric) inherits (cars);
insert into vehicles values (1, 'bicycle');
insert into cars values (2, 'coupé', 2);
insert into vans values (3, 'van', 5, 1250.50);

create table big_values (
    id int primary key, compressed text, external text, plain_storage text, main_storage text, bytes bytea, document jsonb
);
alter table big_values
    alter external set storage external, alter plain_storage set storage plain, alter main_storage set storage main;
insert into big_values
    select n, repeat('compresses well ', 20000 * n), string_agg(md5(n || ' ' || m), ''), repeat('p', 100 * n),
        repeat(md5(n::text), 100 * n), decode(string_agg(md5(m || ' ' || n), ''), 'hex'),
        jsonb_build_object('n', n, 'all', jsonb_agg(md5(m::text)))
    from generate_series(1, 3) n, generate_series(1, 5000) m group by n;

create table computed (id int primary key, net numeric not null, gross numeric generated always as (net * 1.19) stored);
insert into computed (id, net) select n, n / 8.0 from generate_series(1, 20) n;
do $$ begin
    if current_setting('server_version_num')::int >= 170000 then
        insert into times (id, span) values (7, 'infinity'), (8, '-infinity');
    end if;
    if current_setting('server_version_num')::int >= 180000 then
        -- As a string, for older servers read the whole block first.
        execute 'alter table computed add half numeric generated always as (net / 2) virtual';
    end if;
end $$;

create table numbered (
    always_id int generated always as identity primary key,
    default_id bigint generated by default as identity (start 100 increment 10),
    serial_id smallserial, word text
);
insert into numbered (word) select 'word ' || n from generate_series(1, 10) n;

create table accounts (id int primary key, owner text not null, balance numeric not null);
insert into accounts select n, (array['ann', 'bob'])[1 + n % 2], n * 10 from generate_series(1, 10) n;
do $$ begin
    create role rehearsal_reader;
exception when duplicate_object or unique_violation then null;
end $$;
grant usage on schema rehearsal to rehearsal_reader;
grant select on all tables in schema rehearsal to rehearsal_reader;
alter table accounts enable row level security;
create policy ann_only on accounts for select to rehearsal_reader using (owner = 'ann');
create table accounts_forced (like accounts including all);
insert into accounts_forced select * from accounts;
alter table accounts_forced enable row level security, force row level security;

create table without_key (a int, b text, c numeric);
insert into without_key values
    (1, 'same', 1.0), (1, 'same', 1.0), (1, 'same', 1.00), (null, null, null), (null, null, null), (2, null, 0);

create table two_keys (tenant int, code text collate "C", value text, primary key (tenant, code));
insert into two_keys select n % 3, 'code ' || n, 'v' || n from generate_series(1, 30) n;

create table empty_table (id int primary key, value text);
create table no_columns ();
insert into no_columns default values;
insert into no_columns default values;
create table dropped_columns (gone int, id int primary key, also_gone text, value text, last_gone int);
insert into dropped_columns select n, n, 'x', 'v' || n, n from generate_series(1, 5) n;
alter table dropped_columns drop gone, drop also_gone, drop last_gone, add late int default 7;
create unlogged table unlogged_table (id int primary key);
insert into unlogged_table values (1);

create table parents (id int primary key, code text unique);
create table children (
    id int primary key, parent int references parents, parent_code text references parents (code) on delete cascade,
    amount int
);
insert into parents values (1, 'one'), (2, 'two');
insert into children values (1, 1, 'one', -5), (2, 2, null, 5), (3, null, null, null);
alter table children add constraint amount_positive check (amount > 0) not valid;
insert into without_key values (99, 'orphan', 0);
alter table without_key add constraint without_key_parent foreign key (a) references parents not valid;
create unique index children_code on children (lower(parent_code)) nulls not distinct where id < 2;

create view sums as select region, sum(amount) as total, count(*) as orders from orders group by region;
create materialized view sums_kept as select * from sums;
create materialized view never_filled as select 1 as n with no data;

create sequence untouched;
create sequence used;
create sequence downwards increment -5 maxvalue 100 start 100 cycle;
create sequence set_by_hand as smallint;
do $$ begin
    perform nextval('used'), nextval('used'), nextval('downwards'), setval('set_by_hand', 42, false);
end $$;

create schema "Odd Names";
create table "Odd Names"."MixedCase" ("Id" int primary key, "with space" text, "with.dot" int, "with""quote" int);
create table "Odd Names"."with space" ("select" int primary key, "$1" text, "?" text, "%s" text);
create table "Odd Names"."with.dot" (id int primary key, "東京" text, "é" text);
create table "Odd Names"."with""quote'" (id int primary key, "back\slash" text, " " text);
create table "Odd Names"."ünïcode 表 👍" (id int primary key);
create table "Odd Names"."table" ("order" int primary key, "group" text);
create table "Odd Names"."sixty-three bytes in a name are all that PostgreSQL allows one." (id int primary key);
insert into "Odd Names"."MixedCase" values (1, 'a', 2, 3);
insert into "Odd Names"."with space" values (1, 'b', 'c', 'd');
insert into "Odd Names"."with.dot" values (1, 'e', 'f');
insert into "Odd Names"."with""quote'" values (1, 'g', 'h');
insert into "Odd Names"."ünïcode 表 👍" values (1);
insert into "Odd Names"."table" values (1, 'i');
insert into "Odd Names"."sixty-three bytes in a name are all that PostgreSQL allows one." values (1);

-- ---- what a search index is filled from

create schema search;
set local search_path = search, pg_catalog;

create function rows_of(kind text, otherwise int) returns int language sql stable
    return coalesce(nullif(current_setting('rehearsal.' || kind, true), '')::int, otherwise);

-- A number below `below` that looks random, the same on every server.
create function pick(kind text, n int, below int) returns int language sql immutable
    return (('x' || substr(md5(kind || ' ' || n), 1, 7))::bit(28)::int % below);

create table people (
    id bigint primary key, name text not null, city text not null, role text not null, skills text[] not null,
    rating numeric(3, 2), followers bigint not null, latitude double precision, longitude double precision, bio text,
    updated_at timestamptz not null
);
insert into people
    select n,
        (array['Ann', 'Bob', 'Chloé', 'Đorđe', 'Eve', 'Farah', '健', 'Håkon'])[1 + pick('first', n, 8)] || ' ' ||
            (array['Adams', 'O''Neil', 'Müller', 'Nguyễn', 'Sato', 'de la Cruz', 'Smith', 'Zhao'])[1 + pick('last', n, 8)],
        (array['london', 'london', 'london', 'paris', 'paris', 'berlin', 'new york', 'são paulo', '東京', 'lagos'])
            [1 + pick('city', n, 10)],
        (array['photographer', 'model', 'stylist', 'retoucher', 'producer'])[1 + pick('role', n, 5)],
        (array['lighting', 'portrait', 'fashion', 'food', 'drone', 'film'])[1 + pick('skill', n, 3):3 + pick('more', n, 4)],
        case when pick('rated', n, 10) > 0 then pick('rating', n, 500) / 100.0 end,
        pick('followers', n, 100000000)::bigint * 97,
        case when pick('placed', n, 20) > 0 then pick('latitude', n, 180000) / 1000.0 - 90 end,
        case when pick('placed', n, 20) > 0 then pick('longitude', n, 360000) / 1000.0 - 180 end,
        case pick('bio', n, 5) when 0 then null when 1 then E'Says "hi"\nand \\o/' else repeat('Works in light. ', 5) end,
        timestamptz '2026-01-01 00:00+00' + pick('updated', n, 25000000) * interval '1 second'
    from generate_series(1, rows_of('people', 1000)) n;
create index on people (city);
create index on people (role);

create table studios (
    id bigint primary key, name text not null, city text not null, capacity int, day_rate numeric(10, 2) not null
);
insert into studios
    select n, 'Studio ' || n, (array['london', 'paris', 'berlin', 'new york', '東京'])[1 + pick('studio', n, 5)],
        nullif(pick('capacity', n, 40), 0), pick('rate', n, 500000) / 100.0
    from generate_series(1, rows_of('studios', 100)) n;

create table work (
    id bigint primary key, title text not null, person bigint references people, studio bigint references studios,
    year int not null, keywords text[] not null, details jsonb not null
);
insert into work
    select n, 'Work no. ' || n, 1 + pick('person', n, greatest(rows_of('people', 1000), 1)),
        1 + pick('studio', n, greatest(rows_of('studios', 100), 1)), 1990 + pick('year', n, 37),
        (array['portrait', 'night', 'sea', 'city', 'paper', 'glass'])[1 + pick('from', n, 4):4 + pick('to', n, 3)],
        jsonb_build_object('format', (array['35mm', '6x6', 'digital'])[1 + pick('format', n, 3)],
            'iso', 100 * 2 ^ pick('iso', n, 6))
    from generate_series(1, rows_of('work', 2000)) n;

-- Documents as Typesense takes them: text ids, no nulls that an optional field would need to be declared for.
create function people_all() returns table (
    id text, name text, city text, role text, skills text[], rating numeric, followers bigint,
    location double precision[], bio text, updated_at bigint
) language sql stable begin atomic
    select p.id::text, p.name, p.city, p.role, p.skills, p.rating, p.followers,
        case when p.latitude is not null then array[p.latitude, p.longitude] end, p.bio,
        extract(epoch from p.updated_at)::bigint
    from people p order by p.id;
end;

-- A hot slice: the people of one city or one role.
create function people_hot(slice text) returns table (
    id text, name text, city text, role text, skills text[], rating numeric, followers bigint,
    location double precision[], bio text, updated_at bigint
) language sql stable begin atomic
    select a.* from people_all() a where a.city = slice or a.role = slice;
end;

create function studios_all() returns table (id text, name text, city text, capacity int, day_rate numeric)
language sql stable begin atomic
    select s.id::text, s.name, s.city, s.capacity, s.day_rate from studios s order by s.id;
end;

create function work_all() returns table (
    id text, title text, person_id text, studio_id text, year int, keywords text[], details jsonb
) language sql stable begin atomic
    select w.id::text, w.title, w.person::text, w.studio::text, w.year, w.keywords, w.details from work w order by w.id;
end;

commit;
analyze;
