//! The Typesense of the tests: it can be broken, comes back with what it held, and is gone with whoever asked for it.

use testkit::typesense::{Server, another};

const FIELDS: &str = r#"[{"name":"name","type":"string"}]"#;

#[test]
fn a_node_comes_back_with_what_it_held() {
    let server = another();
    let people = server.collection("people", FIELDS);
    let import = format!("/collections/{people}/documents/import");
    let (status, results) = server.request("POST", &import, "{\"id\":\"1\",\"name\":\"Ada\"}");
    assert_eq!((status, results.as_str()), (200, "{\"success\":true}"));
    for end in [Server::stop, Server::kill] {
        end(&server, 0);
        assert!(!answers(server.url()));
        server.start_again(0);
        assert_eq!((server.leader(), server.count(&people)), (0, 1));
    }
}

#[test]
fn it_is_gone_when_it_is_dropped() {
    let server = another();
    let url = server.url().to_owned();
    assert!(answers(&url));
    drop(server);
    assert!(!answers(&url));
}

fn answers(url: &str) -> bool {
    let address = url.trim_start_matches("http://");
    std::net::TcpStream::connect(address).is_ok()
}
