//! A connection for the set-up of a test, used from any test, with or without a runtime of its own.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use tokio::runtime;
use tokio_postgres::{Client, NoTls, SimpleQueryMessage};

/// Rows as text, a null as nothing.
pub type Rows = Vec<Vec<Option<String>>>;

/// An open session, for what must stay open: a transaction, a lock, a temporary table. It ends when it is dropped.
pub struct Session {
    requests: Sender<String>,
    answers: Receiver<Result<Rows, String>>,
}

impl Session {
    /// Connects, without TLS.
    ///
    /// # Errors
    /// Why not, in the server's words if it has any.
    pub fn open(url: &str) -> Result<Self, String> {
        let (requests, asked) = channel::<String>();
        let (answer, answers) = channel();
        let url = url.to_owned();
        // A thread with a runtime of its own, because a test may have one, and runtimes do not nest.
        thread::spawn(move || {
            let runtime = runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            let client = match runtime.block_on(connect(&url)) {
                Ok(client) => client,
                Err(error) => return drop(answer.send(Err(error))),
            };
            let mut sent = answer.send(Ok(Rows::new()));
            while sent.is_ok() {
                let Ok(sql) = asked.recv() else { return };
                sent = answer.send(runtime.block_on(run(&client, &sql)));
            }
        });
        answers.recv().unwrap_or_else(|_| Err("the session's thread is gone".into()))?;
        Ok(Self { requests, answers })
    }

    /// The rows of the last statement that has any.
    ///
    /// # Errors
    /// The server's message with its SQLSTATE, or why it cannot be reached any more.
    pub fn query(&self, sql: &str) -> Result<Rows, String> {
        let gone = || "the session's thread is gone".to_owned();
        self.requests.send(sql.to_owned()).map_err(|_| gone())?;
        self.answers.recv().map_err(|_| gone())?
    }
}

async fn connect(url: &str) -> Result<Client, String> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.map_err(|error| words(&error))?;
    tokio::spawn(connection);
    Ok(client)
}

async fn run(client: &Client, sql: &str) -> Result<Rows, String> {
    let mut rows = Rows::new();
    for message in client.simple_query(sql).await.map_err(|error| words(&error))? {
        match message {
            SimpleQueryMessage::RowDescription(_) => rows.clear(),
            SimpleQueryMessage::Row(row) => {
                rows.push((0..row.len()).map(|n| row.get(n).map(str::to_owned)).collect());
            }
            _ => {}
        }
    }
    Ok(rows)
}

fn words(error: &tokio_postgres::Error) -> String {
    match error.as_db_error() {
        Some(answer) => format!("{}: {}", answer.code().code(), answer.message()),
        None => error.to_string(),
    }
}
