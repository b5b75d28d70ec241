//! Typesense for tests: a server for each test process, started at the first call and gone with the process.
//!
//! ```no_run
//! use testkit::typesense;
//!
//! let server = typesense::server();
//! let people = server.collection("people", r#"[{"name":"name","type":"string"}]"#);
//! let output = server.tool("ts-import").arg(&people).stdin("{\"id\":\"1\",\"name\":\"Ada\"}\n").run();
//! output.assert_code(0);
//! assert_eq!(server.documents(&people).len(), 1);
//! ```
//!
//! A collection belongs to one test. Aliases, keys and presets belong to the whole server, so give them names that no
//! other test of the process uses.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

use reqwest::Method;
use serde_json::{Value, json};

use crate::sandbox::{self, Script};
use crate::tool::Tool;

/// The key of every server, which may do everything: nothing that a tool writes may contain it.
pub const KEY: &str = "canaryKeyOfTypesense";

/// The server that the tests of this process share.
///
/// # Panics
/// If the sandbox cannot be made or the server does not start.
pub fn server() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(another)
}

/// A server for one test alone, which stops, kills or restarts it. It is gone when it is dropped.
///
/// # Panics
/// As [`server`].
pub fn another() -> Server {
    Server::start(1)
}

/// Three nodes that are one cluster, for one test alone.
///
/// # Panics
/// As [`server`].
pub fn cluster() -> Server {
    Server::start(3)
}

/// One node or a cluster, which is gone when this is dropped, or when the test process ends however it does.
pub struct Server {
    urls: Vec<String>,
    script: Script,
}

impl Server {
    fn start(nodes: usize) -> Self {
        let mut command = sandbox::server("typesense_server.py");
        command.args(["--nodes", &nodes.to_string()]).env("TYPESENSE_API_KEY", KEY);
        let (script, urls) = Script::start(&mut command);
        Self { urls: urls.split(',').map(str::to_owned).collect(), script }
    }

    /// Where its first node is, such as `http://127.0.0.1:34567`.
    pub fn url(&self) -> &str {
        &self.urls[0]
    }

    /// Where its nodes are.
    pub fn urls(&self) -> &[String] {
        &self.urls
    }

    /// The number of the node that leads, counted from 0.
    ///
    /// # Panics
    /// If none does.
    pub fn leader(&self) -> usize {
        let leads = |url: &String| {
            let (status, body) = send(Method::GET, &format!("{url}/debug"), String::new());
            status == 200 && body.contains("\"state\":1,")
        };
        self.urls.iter().position(leads).expect("a leader")
    }

    /// A tool with the addresses of all nodes and the key in its environment.
    pub fn tool(&self, name: &str) -> Tool {
        tool(name, &self.urls.join(","))
    }

    /// Sends a request to the first node, and gives status and body of the answer.
    ///
    /// # Panics
    /// If there is no answer.
    pub fn request(&self, method: &str, path: &str, body: impl Into<String>) -> (u16, String) {
        let method = method.parse().expect("a method");
        send(method, &format!("{}{path}", self.url()), body.into())
    }

    /// The JSON document at a path.
    ///
    /// # Panics
    /// If the server does not answer with 200 and JSON.
    #[track_caller]
    pub fn get(&self, path: &str) -> Value {
        let (status, body) = self.request("GET", path, "");
        assert_eq!(status, 200, "{path}: {body}");
        serde_json::from_str(&body).expect("JSON")
    }

    /// Makes a collection with these fields, a JSON array, and a name that starts with the hint and is unique in this
    /// process.
    ///
    /// # Panics
    /// If the server refuses.
    #[track_caller]
    pub fn collection(&self, hint: &str, fields: &str) -> String {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        let name = format!("{hint}-{}", NEXT.fetch_add(1, Ordering::Relaxed));
        let fields: Value = serde_json::from_str(fields).expect("fields as JSON");
        let schema = json!({"name": name, "fields": fields});
        let (status, body) = self.request("POST", "/collections", schema.to_string());
        assert_eq!(status, 201, "{body}");
        name
    }

    /// The documents of a collection or alias, in the order of their ids as texts.
    ///
    /// # Panics
    /// If the server refuses.
    #[track_caller]
    pub fn documents(&self, collection: &str) -> Vec<Value> {
        let (status, body) = self.request("GET", &format!("/collections/{collection}/documents/export"), "");
        assert_eq!(status, 200, "{body}");
        let document = |line| serde_json::from_str::<Value>(line).expect("a document");
        let mut documents: Vec<_> = body.lines().map(document).collect();
        documents.sort_by_key(|document| document["id"].to_string());
        documents
    }

    /// How many documents a collection or alias has.
    ///
    /// # Panics
    /// As [`Server::get`].
    #[track_caller]
    pub fn count(&self, collection: &str) -> u64 {
        self.get(&format!("/collections/{collection}"))["num_documents"].as_u64().expect("a number")
    }

    /// Lets a node end as an administrator would.
    ///
    /// # Panics
    /// If it does not end.
    pub fn stop(&self, node: usize) {
        self.script.order(&format!("stop {node}"));
    }

    /// Lets a node vanish, as when its machine goes.
    ///
    /// # Panics
    /// If it does not.
    pub fn kill(&self, node: usize) {
        self.script.order(&format!("kill {node}"));
    }

    /// Starts a node again after [`Server::stop`] or [`Server::kill`], with the same data at the same address, and
    /// waits until it is healthy and holds what the others do.
    ///
    /// # Panics
    /// If it does not start.
    pub fn start_again(&self, node: usize) {
        self.script.order(&format!("start {node}"));
    }
}

/// A tool with these addresses, separated by commas, and the key in its environment: for a proxy between.
pub fn tool(name: &str, urls: &str) -> Tool {
    Tool::new(name).env("TS_NODES", urls).env("TS_KEY", KEY)
}

/// On a thread of its own, so that a test with a runtime may wait for the answer.
fn send(method: Method, url: &str, body: String) -> (u16, String) {
    let sent = async {
        let client = reqwest::Client::builder().no_proxy().build()?;
        let answer = client.request(method, url).header("x-typesense-api-key", KEY).body(body).send().await?;
        Ok::<_, reqwest::Error>((answer.status().as_u16(), answer.text().await?))
    };
    thread::scope(|scope| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        scope.spawn(move || runtime.block_on(sent)).join().expect("no panic")
    })
    .unwrap_or_else(|error| panic!("{url}: {error}"))
}
