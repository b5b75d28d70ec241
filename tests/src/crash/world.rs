//! What a line runs in: its servers in the state before the incident's line, and a folder.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::gate::Gate;
use crate::tool::Tool;

/// How many stages a line can have.
const STAGES: usize = 5;

type Asked<T> = Box<dyn Fn() -> T + Send>;

/// Servers and files, new for each seed.
pub struct World {
    folder: TempDir,
    services: Vec<(String, String)>,
    environment: Vec<(String, String)>,
    words: Vec<(String, String)>,
    state: Asked<Value>,
    current: Option<Asked<Value>>,
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
            current: None,
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

    /// Calls so what a page calls otherwise, alone or at the beginning of a word: `("EABC123", "E2QWRUHAPOMQZL")`.
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

    /// Is back where it was when this is, although history may have become longer: the way back overwrites what was done,
    /// and deletes none of it.
    #[must_use]
    pub fn current(mut self, current: impl Fn() -> Value + Send + 'static) -> Self {
        self.current = Some(Box::new(current));
        self
    }

    /// Gives what the services name by themselves (ids, versions) names that are the same in every world, for states
    /// and records to be compared by.
    #[must_use]
    pub fn names(mut self, names: impl Fn() -> Vec<(String, String)> + Send + 'static) -> Self {
        self.names = Box::new(names);
        self
    }

    /// All that both worlds have: services, files, and the state of both; the way back is that of the other alone.
    ///
    /// # Panics
    /// If a file cannot be copied.
    #[must_use]
    pub fn joined(mut self, other: Self) -> Self {
        for file in std::fs::read_dir(other.folder()).expect("a folder") {
            let file = file.expect("a readable folder");
            std::fs::copy(file.path(), self.folder.path().join(file.file_name())).expect("a copy");
        }
        self.services.extend(other.services);
        self.environment.extend(other.environment);
        self.words.extend(other.words);
        let (one, two) = (self.state, other.state);
        self.state = Box::new(move || json!([one(), two()]));
        let (one, two) = (self.names, other.names);
        self.names = Box::new(move || one().into_iter().chain(two()).collect());
        self.current = other.current;
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
        let said =
            self.words.iter().find_map(|(shown, here)| Some(format!("{here}{}", text.strip_prefix(shown)?)));
        said.unwrap_or_else(|| text.to_owned())
    }

    /// The value of a variable in a line, or what a command `(...)` in its place says.
    pub(super) fn value(&self, name: &str) -> String {
        if name.starts_with('(') {
            let output = Tool::bash(name).cwd(self.folder()).run();
            return output.text().trim_end_matches('\n').to_owned();
        }
        let found = self.environment.iter().find(|(known, _)| known == name);
        found.unwrap_or_else(|| panic!("the world has no ${name}")).1.clone()
    }

    /// The state of the services, in names that every world has.
    pub(super) fn state(&self) -> Value {
        self.plain(&(self.state)().to_string())
    }

    /// What the way back must lead to.
    pub(super) fn currently(&self) -> Value {
        self.current.as_ref().map_or_else(|| self.state(), |current| self.plain(&current().to_string()))
    }

    /// A JSON text in names that every world has.
    pub(super) fn plain(&self, json: &str) -> Value {
        self.plainly()(json)
    }

    /// The same for many, with the names of this moment.
    pub(super) fn plainly(&self) -> impl Fn(&str) -> Value + use<> {
        let words = self.words.iter().map(|(shown, here)| (here.clone(), shown.clone()));
        let names: Vec<_> = (self.names)().into_iter().chain(words).collect();
        move |json| {
            let text = names.iter().fold(json.to_owned(), |text, (id, name)| text.replace(id, name));
            serde_json::from_str(&text).unwrap_or_else(|error| panic!("no JSON ({error}): {text}"))
        }
    }
}
