//! What a line runs in: its servers in the state before the incident's line, and a folder.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use serde_json::Value;
use tempfile::TempDir;

use super::gate::Gate;

/// How many stages a line can have.
const STAGES: usize = 5;

type Asked<T> = Box<dyn Fn() -> T + Send>;

/// Servers and files, made anew for each seed.
pub struct World {
    folder: TempDir,
    services: Vec<(String, String)>,
    environment: Vec<(String, String)>,
    words: Vec<(String, String)>,
    state: Asked<Value>,
    names: Asked<Vec<(String, String)>>,
    gates: [OnceLock<Gate>; STAGES],
}

impl World {
    /// A world whose services are in the state that the function reads, past all gates. It keeps what it needs alive.
    ///
    /// # Panics
    /// If there is no temporary folder.
    pub fn new(state: impl Fn() -> Value + Send + 'static) -> Self {
        Self {
            folder: TempDir::new().expect("a folder"),
            services: Vec::new(),
            environment: Vec::new(),
            words: Vec::new(),
            state: Box::new(state),
            names: Box::new(Vec::new),
            gates: std::array::from_fn(|_| OnceLock::new()),
        }
    }

    /// Has a server at this URL. Its name is the variable of the environment that leads to it, or, if it is a URL, what
    /// stands in the line in its place.
    #[must_use]
    pub fn service(mut self, name: &str, url: &str) -> Self {
        self.services.push((name.to_owned(), url.to_owned()));
        self
    }

    /// Has this variable in the environment.
    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Calls by this word what a page calls otherwise: `("EABC123", "E2QWRUHAPOMQZL")`.
    #[must_use]
    pub fn word(mut self, shown: &str, here: &str) -> Self {
        self.words.push((shown.to_owned(), here.to_owned()));
        self
    }

    /// Has this file.
    ///
    /// # Panics
    /// If it cannot be written.
    #[must_use]
    pub fn file(self, name: &str, content: impl AsRef<[u8]>) -> Self {
        std::fs::write(self.path(name), content).expect("a file");
        self
    }

    /// Gives what the services name by themselves (ids, versions) names that are the same in every world, for states
    /// and records to be compared by.
    #[must_use]
    pub fn names(mut self, names: impl Fn() -> Vec<(String, String)> + Send + 'static) -> Self {
        self.names = Box::new(names);
        self
    }

    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(super) fn gate(&self, stage: usize) -> &Gate {
        self.gates[stage].get_or_init(|| Gate::start(&self.services))
    }

    pub(super) fn is_tool(&self, program: &str) -> bool {
        crate::sandbox::root().join("tools").join(program).is_dir()
    }

    /// The environment of a stage.
    pub(super) fn environment(&self, stage: usize) -> Vec<(String, String)> {
        let urls = self.gate(stage).urls().filter(|(name, _)| !name.contains("://"));
        let services = urls.map(|(name, url)| (name.to_owned(), url.to_owned()));
        services.chain(self.environment.iter().cloned()).collect()
    }

    /// The words of a stage as they are here.
    pub(super) fn said_to(&self, stage: usize, words: &[String]) -> Vec<String> {
        let urls = self.gate(stage).urls().filter(|(name, _)| name.contains("://"));
        let words = words.iter().map(|word| self.say(word));
        urls.fold(words.collect(), |words: Vec<String>, (name, url)| {
            words.iter().map(|word| word.replace(name, url)).collect()
        })
    }

    fn say(&self, text: &str) -> String {
        self.words.iter().fold(text.to_owned(), |text, (shown, here)| text.replace(shown, here))
    }

    /// The value of a variable in a line, such as the name of a file that only the world knows.
    pub(super) fn value(&self, name: &str) -> String {
        let found = self.environment.iter().find(|(known, _)| known == name);
        found.unwrap_or_else(|| panic!("the world has no ${name}")).1.clone()
    }

    /// The state of the services, in names that every world has.
    pub(super) fn state(&self) -> Value {
        self.plain(&(self.state)().to_string())
    }

    /// A JSON text in names that every world has.
    pub(super) fn plain(&self, json: &str) -> Value {
        let words = self.words.iter().map(|(shown, here)| (here.clone(), shown.clone()));
        let names = (self.names)().into_iter().chain(words);
        let text = names.fold(json.to_owned(), |text, (id, name)| text.replace(&id, &name));
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("no JSON ({error}): {text}"))
    }
}
