//! The servers for tests: what they let in, and that they are gone when they should be.

use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use testkit::cut::Cut;
use testkit::postgres::{self, Front, PASSWORD, Session};

#[test]
#[expect(clippy::print_stdout, reason = "which versions were tested depends on the machine")]
fn each_version_answers_and_each_database_is_another() {
    let versions: Vec<_> = postgres::servers()
        .into_iter()
        .map(|server| {
            let (one, two) = (server.database(), server.database());
            postgres::execute(&one, "create table t ()");
            assert!(postgres::attempt(&two, "select from t").is_err());
            postgres::value(&one, "show server_version_num").parse().unwrap_or(0) / 10_000
        })
        .collect();
    println!("versions tested: {versions:?}");
    assert!(versions == [18] || versions == [18, 15], "{versions:?}");
}

#[tokio::test]
async fn a_set_up_needs_no_thread_of_its_own() {
    let url = postgres::database();
    postgres::execute(&url, "create table t (n int); insert into t values (1), (null)");
    assert_eq!(postgres::query(&url, "select n from t"), [vec![Some("1".to_owned())], vec![None]]);
}

#[test]
fn only_the_password_opens_it() {
    let url = postgres::database();
    let refused = postgres::attempt(&url.replace(PASSWORD, "other"), "select 1").unwrap_err();
    assert!(refused.starts_with("28P01"), "{refused}");
}

#[test]
fn a_session_keeps_what_it_holds() {
    let url = postgres::database();
    postgres::execute(&url, "create table t ()");
    let session = Session::open(&url).unwrap();
    session.query("begin; lock table t").unwrap();
    let impatient = "set lock_timeout = '10ms'; lock table t";
    assert!(postgres::attempt(&url, impatient).unwrap_err().starts_with("55P03"));
    drop(session);
    postgres::execute(&url, "set lock_timeout = '60s'; begin; lock table t; rollback");
}

#[test]
fn the_front_turns_plain_connections_away() {
    let front = Front::start(&postgres::database(), &["localhost"]);
    for mode in ["disable", "prefer"] {
        let url = format!("{}?sslmode={mode}", front.url("127.0.0.1"));
        assert!(postgres::attempt(&url, "select 1").unwrap_err().contains("no encryption"));
    }
}

#[test]
fn a_user_of_tls_alone_is_refused_without_it() {
    for server in postgres::servers() {
        let url = server.database();
        postgres::execute(&url, "select 1");
        let refused = postgres::attempt(&server.tls_only(&url), "select 1").unwrap_err();
        assert!(refused.starts_with("28000"), "{refused}");
    }
}

#[test]
fn a_server_that_was_killed_is_gone_and_comes_back() {
    let server = postgres::another();
    let url = server.database();
    postgres::execute(&url, "create table t (n int); insert into t values (7)");
    let session = Session::open(&url).unwrap();
    server.kill();
    assert!(session.query("select 1").is_err());
    assert!(Session::open(&url).is_err());
    server.start_again();
    assert_eq!(postgres::value(&url, "select n from t"), "7");
    let session = Session::open(&url).unwrap();
    server.restart();
    assert!(session.query("select 1").is_err());
    postgres::execute(&url, "select 1");
    server.stop();
    assert!(Session::open(&url).is_err());
}

#[test]
fn a_dropped_server_is_gone() {
    let server = postgres::another();
    let url = server.url().to_owned();
    postgres::execute(&url, "select 1");
    drop(server);
    assert!(Session::open(&url).is_err());
}

#[test]
fn a_connection_is_cut_after_so_many_bytes_and_healed() {
    let cut = Cut::start(&postgres::database());
    let url = cut.url();
    let rows = "select repeat('x', 1000) from generate_series(1, 1000)";
    assert_eq!(postgres::query(&url, rows).len(), 1000);
    cut.after(100_000);
    assert!(postgres::attempt(&url, rows).is_err());
    assert_eq!(postgres::value(&url, "select 1"), "1");
    cut.heal();
    assert_eq!(postgres::query(&url, rows).len(), 1000);
}

#[test]
fn an_answer_is_held_until_it_is_let_go() {
    let cut = Cut::start(&postgres::database());
    let session = Session::open(&cut.url()).unwrap();
    cut.hold(true);
    let (sender, receiver) = channel();
    let asking = thread::spawn(move || sender.send(session.query("select 1")));
    assert!(receiver.recv_timeout(Duration::from_millis(200)).is_err());
    cut.hold(false);
    assert!(receiver.recv().is_ok_and(|answer| answer.is_ok()));
    asking.join().unwrap().unwrap();
}
