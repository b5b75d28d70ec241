//! A CloudFront of one distribution that keeps the rules moto does not: quotas, references, time.
//!
//! | rule | source |
//! |---|---|
//! | 3,000 paths and 15 wildcards in progress, counted apart; beyond that `TooManyInvalidationsInProgress`, 400 | Developer Guide, "Quotas on invalidations"; API reference |
//! | the same reference and paths give the invalidation that exists, with other paths an error | API reference, `InvalidationBatch` |
//! | `NoSuchDistribution` 404, `AccessDenied` 403, `Throttling` 400 | API reference, common errors |
//! | the list runs from the newest to the oldest, `NextMarker` is the last id of a page | API reference, `ListInvalidations` |
//! | a path starts with `/` and is ASCII, else `InvalidArgument` | Developer Guide, "Invalidation paths" |

use std::collections::VecDeque;
use std::sync::MutexGuard;

use quick_xml::escape::{escape, unescape};
use testkit::answering::{Answer, Server};
use testkit::tool::Tool;

/// The id of the only distribution there is, which the examples have too.
pub const DISTRIBUTION: &str = "EABC123";

const SINGLES: usize = 3000;
const WILDCARDS: usize = 15;

/// One invalidation, as the fake holds it.
#[derive(Clone, Debug)]
pub struct Invalidation {
    pub id: String,
    pub reference: String,
    pub paths: Vec<String>,
    looks_left: Option<u32>,
}

impl Invalidation {
    fn is_in_progress(&self) -> bool {
        self.looks_left != Some(0)
    }

    fn status(&self) -> &'static str {
        if self.is_in_progress() { "InProgress" } else { "Completed" }
    }
}

/// An error to answer with, once.
#[derive(Clone, Copy, Debug)]
pub struct Refusal(pub u16, pub &'static str, pub &'static str);

pub const TOO_MANY: Refusal = Refusal(
    400,
    "TooManyInvalidationsInProgress",
    "You have exceeded the maximum number of allowable InProgress",
);
pub const THROTTLED: Refusal = Refusal(400, "Throttling", "Rate exceeded");
pub const DENIED: Refusal = Refusal(403, "AccessDenied", "User is not authorized");

/// What the fake knows and what was asked of it.
#[derive(Default)]
pub struct State {
    /// Oldest first.
    pub invalidations: Vec<Invalidation>,
    /// Each request as `METHOD path`.
    pub requests: Vec<String>,
    /// Answers to the next attempts to create.
    pub refuse_create: VecDeque<Refusal>,
    /// The answer to everything.
    pub refuse_all: Option<Refusal>,
    /// How often one must be asked for its status until it is completed; never without.
    pub looks: Option<u32>,
    /// Attempts that broke a quota.
    pub over_quota: usize,
    /// The attempt to create, counted from 1, that gets no answer.
    pub hold: Option<Hold>,
}

/// An attempt to create that gets no answer, for a run that is killed meanwhile.
#[derive(Clone, Copy, Debug)]
pub struct Hold {
    pub nth: usize,
    pub carried_out: bool,
}

impl State {
    /// Adds one that somebody else started.
    pub fn add(&mut self, paths: Vec<String>, in_progress: bool) -> String {
        let id = format!("I{:04}", self.invalidations.len());
        let reference = format!("others-{id}");
        let looks_left = if in_progress { None } else { Some(0) };
        self.invalidations.push(Invalidation { id: id.clone(), reference, paths, looks_left });
        id
    }

    /// Completes everything there is.
    pub fn complete_all(&mut self) {
        for one in &mut self.invalidations {
            one.looks_left = Some(0);
        }
    }

    /// Paths of all invalidations that `cf-purge` made.
    pub fn purged(&self) -> Vec<String> {
        self.made().iter().flat_map(|one| one.paths.clone()).collect()
    }

    /// The invalidations that `cf-purge` made.
    pub fn made(&self) -> Vec<Invalidation> {
        self.invalidations.iter().filter(|one| one.reference.starts_with("cf-purge-")).cloned().collect()
    }

    /// How many requests were attempts to create.
    pub fn creates(&self) -> usize {
        self.requests.iter().filter(|request| request.starts_with("POST")).count()
    }

    fn in_progress(&self, wildcards: bool) -> usize {
        let paths = self.invalidations.iter().filter(|one| one.is_in_progress()).flat_map(|one| &one.paths);
        paths.filter(|path| path.ends_with('*') == wildcards).count()
    }

    fn create(&mut self, body: &str) -> Result<String, Refusal> {
        if let Some(refusal) = self.refuse_create.pop_front() {
            return Err(refusal);
        }
        let paths: Vec<String> = elements(body, "Path");
        let reference = elements(body, "CallerReference").remove(0);
        let valid = |path: &String| path.starts_with('/') && path.bytes().all(|byte| byte.is_ascii_graphic());
        if !paths.iter().all(valid) || elements(body, "Quantity") != [paths.len().to_string()] {
            return Err(Refusal(400, "InvalidArgument", "one or more invalid invalidation paths"));
        }
        if let Some(earlier) = self.invalidations.iter().find(|one| one.reference == reference) {
            return if earlier.paths == paths {
                Ok(shown(earlier))
            } else {
                Err(Refusal(409, "InvalidationBatchAlreadyExists", "The reference was used for other paths"))
            };
        }
        let wildcards = paths.iter().filter(|path| path.ends_with('*')).count();
        let singles = paths.len() - wildcards;
        if self.in_progress(false) + singles > SINGLES || self.in_progress(true) + wildcards > WILDCARDS {
            self.over_quota += 1;
            return Err(TOO_MANY);
        }
        let id = format!("I{:04}", self.invalidations.len());
        self.invalidations.push(Invalidation { id, reference, paths, looks_left: self.looks });
        Ok(self.invalidations.last().map(shown).unwrap_or_default())
    }

    fn get(&mut self, id: &str) -> Result<String, Refusal> {
        let found = self.invalidations.iter_mut().find(|one| one.id == id);
        let one =
            found.ok_or(Refusal(404, "NoSuchInvalidation", "The specified invalidation does not exist"))?;
        one.looks_left = one.looks_left.map(|left| left.saturating_sub(1));
        Ok(shown(one))
    }

    fn list(&self, query: &str) -> String {
        let value = |name: &str| query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
        let most: usize = value("MaxItems").and_then(|text| text.parse().ok()).unwrap_or(100);
        let newest_first = self.invalidations.iter().rev();
        let mut rest = newest_first.skip_while(|one| value("Marker").is_some_and(|marker| marker != one.id));
        if value("Marker").is_some() {
            rest.next();
        }
        let rest: Vec<_> = rest.collect();
        let page = &rest[..most.min(rest.len())];
        let next = match page.last().filter(|_| rest.len() > page.len()) {
            Some(last) => format!("<NextMarker>{}</NextMarker>", last.id),
            None => String::new(),
        };
        let summary =
            |one: &&Invalidation| format!("<InvalidationSummary>{}</InvalidationSummary>", summary(one));
        format!(
            "<InvalidationList><Marker/>{next}<MaxItems>{most}</MaxItems><IsTruncated>{}</IsTruncated>\
             <Quantity>{}</Quantity><Items>{}</Items></InvalidationList>",
            !next.is_empty(),
            page.len(),
            page.iter().map(summary).collect::<String>()
        )
    }

    fn answer(&mut self, method: &str, path: &str, query: &str, body: &str) -> Result<String, Refusal> {
        self.requests.push(format!("{method} {path}"));
        if let Some(refusal) = self.refuse_all {
            return Err(refusal);
        }
        let below = path.strip_prefix("/2020-05-31/distribution/").unwrap_or_default();
        match (method, below.split('/').collect::<Vec<_>>().as_slice()) {
            (_, [id, ..]) if *id != DISTRIBUTION => {
                Err(Refusal(404, "NoSuchDistribution", "The specified distribution does not exist."))
            }
            ("POST", [_, "invalidation"]) => self.create(body),
            ("GET", [_, "invalidation"]) => Ok(self.list(query)),
            ("GET", [_, "invalidation", id]) => self.get(id),
            _ => Err(Refusal(400, "InvalidArgument", "the fake does not know this request")),
        }
    }
}

fn summary(one: &Invalidation) -> String {
    format!(
        "<Id>{}</Id><CreateTime>2026-11-23T10:00:00Z</CreateTime><Status>{}</Status>",
        one.id,
        one.status()
    )
}

fn shown(one: &Invalidation) -> String {
    let path = |path: &String| format!("<Path>{}</Path>", escape(path.as_str()));
    format!(
        "<Invalidation>{}<InvalidationBatch><Paths><Quantity>{}</Quantity><Items>{}</Items></Paths>\
         <CallerReference>{}</CallerReference></InvalidationBatch></Invalidation>",
        summary(one),
        one.paths.len(),
        one.paths.iter().map(path).collect::<String>(),
        one.reference
    )
}

/// The texts of all elements of that name, which have no elements inside.
fn elements(body: &str, name: &str) -> Vec<String> {
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    let parts = body.split(&open).skip(1).filter_map(|part| part.split_once(&close));
    parts.filter_map(|(text, _)| unescape(text).ok().map(|text| text.into_owned())).collect()
}

fn reply(method: &str, result: Result<String, Refusal>) -> Answer {
    let (status, text) = match result {
        Ok(text) => (if method == "POST" { 201 } else { 200 }, text),
        Err(Refusal(status, code, message)) => {
            let error = format!("<Type>Sender</Type><Code>{code}</Code><Message>{message}</Message>");
            (status, format!("<ErrorResponse><Error>{error}</Error><RequestId>r</RequestId></ErrorResponse>"))
        }
    };
    Answer::new(status, &[], text)
}

/// The running fake; it ends when it is dropped.
pub struct Fake(Server<State>);

impl Fake {
    /// Starts one whose invalidations are completed once their status was asked for `looks` times.
    pub fn start(looks: Option<u32>) -> Self {
        Self(Server::start(State { looks, ..State::default() }, |state, head, body| {
            let (method, query) = (head.method.as_str(), head.uri.query().unwrap_or_default());
            let (path, body) = (head.uri.path(), String::from_utf8_lossy(body));
            let held = state.hold.filter(|hold| method == "POST" && state.creates() + 1 == hold.nth);
            if held.is_some_and(|hold| !hold.carried_out) {
                state.requests.push(format!("{method} {path}"));
                return Answer::never();
            }
            let answer = reply(method, state.answer(method, path, query, &body));
            if held.is_some() { Answer::never() } else { answer }
        }))
    }

    /// Where it listens.
    pub fn url(&self) -> &str {
        self.0.url()
    }

    /// Its state, to look at or to change.
    pub fn state(&self) -> MutexGuard<'_, State> {
        self.0.state()
    }

    /// Waits until a request has made this true.
    ///
    /// # Panics
    /// If none does within two minutes.
    #[track_caller]
    pub fn wait_until(&self, is_so: impl FnMut(&State) -> bool) {
        assert!(self.0.wait_until(is_so), "it never came to that: {:?}", self.state().requests);
    }

    /// A command line for its distribution.
    pub fn tool(&self) -> Tool {
        Tool::new("cf-purge").endpoint(self.url()).args(["--distribution-id", DISTRIBUTION])
    }
}
