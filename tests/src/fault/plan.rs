//! Which request meets which fault.

use std::collections::HashMap;
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

/// What happens to a request.
#[derive(Clone, Debug)]
pub enum Fault {
    /// 503 `SlowDown`; the request is not carried out.
    SlowDown,
    /// 500 `InternalError`; the request is not carried out.
    InternalError,
    /// 200 with an `Error` document of the code `InternalError`, as CopyObject may answer; not carried out.
    ErrorInside200,
    /// Any other answer, an XML document; the request is not carried out.
    Answer {
        /// The status.
        status: u16,
        /// The document.
        body: String,
    },
    /// The connection is reset; the request is not carried out.
    ResetBefore,
    /// The request is carried out, then the connection is reset instead of the answer.
    ResetAfter,
    /// The request is carried out, but its answer ends in the middle of the body. Answers without a body are
    /// whole.
    CutBody,
    /// The request is carried out, and its answer comes in ten pieces with this pause before each.
    SlowBody(Duration),
    /// The request is not carried out and no answer ever comes.
    Hang,
}

impl Fault {
    /// The name of the variant, as [`super::Proxy::count`] takes it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::SlowDown => "SlowDown",
            Self::InternalError => "InternalError",
            Self::ErrorInside200 => "ErrorInside200",
            Self::Answer { .. } => "Answer",
            Self::ResetBefore => "ResetBefore",
            Self::ResetAfter => "ResetAfter",
            Self::CutBody => "CutBody",
            Self::SlowBody(_) => "SlowBody",
            Self::Hang => "Hang",
        }
    }
}

/// A request as rules see it.
#[derive(Clone, Debug)]
pub struct Seen {
    /// `GET`, `PUT` and so on.
    pub method: String,
    /// Path and query as they were sent, still encoded.
    pub target: String,
    /// The operation that the request would be, such as `CopyObject` or `CreateDBInstance`, or `Unknown`.
    pub operation: String,
}

/// A fault that was met.
#[derive(Clone, Debug)]
pub struct Met {
    /// The name of the fault.
    pub fault: &'static str,
    /// The request that met it.
    pub request: Seen,
}

/// The rules of a proxy. For each request the first rule that strikes decides; the others do not count it.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    seed: u64,
    rules: Vec<Rule>,
}

impl Plan {
    /// A plan without rules. The seed decides for rules with [`Rule::chance`].
    pub fn new(seed: u64) -> Self {
        Self { seed, rules: Vec::new() }
    }

    /// Adds a rule behind the others.
    pub fn rule(mut self, rule: Rule) -> Self {
        self.rules.push(rule);
        self
    }
}

type Predicate = Arc<dyn Fn(&Seen) -> bool + Send + Sync>;

/// A fault and the requests that it strikes: all, unless narrowed. What narrows can be combined.
#[derive(Clone)]
pub struct Rule {
    fault: Fault,
    wanted: Vec<Predicate>,
    when: When,
}

#[derive(Clone, Copy, Debug)]
enum When {
    Always,
    Nth(u64),
    First(u64),
    Every(u64),
    Chance(f64),
}

impl Rule {
    /// Strikes every request.
    pub fn new(fault: Fault) -> Self {
        Self { fault, wanted: Vec::new(), when: When::Always }
    }

    /// Only requests of this operation, such as `UploadPartCopy`.
    pub fn operation(self, name: &'static str) -> Self {
        self.matching(move |seen| seen.operation == name)
    }

    /// Only requests with this method.
    pub fn method(self, method: &'static str) -> Self {
        self.matching(move |seen| seen.method == method)
    }

    /// Only requests with this text in their path or query, as it was sent.
    pub fn target(self, part: impl Into<String>) -> Self {
        let part = part.into();
        self.matching(move |seen| seen.target.contains(&part))
    }

    /// Only requests that the function takes.
    pub fn matching(mut self, wanted: impl Fn(&Seen) -> bool + Send + Sync + 'static) -> Self {
        self.wanted.push(Arc::new(wanted));
        self
    }

    /// Of those, only the n-th, counted from 1.
    pub fn nth(mut self, n: u64) -> Self {
        self.when = When::Nth(n);
        self
    }

    /// Of those, only the first n.
    pub fn first(mut self, n: u64) -> Self {
        self.when = When::First(n);
        self
    }

    /// Of those, every n-th.
    ///
    /// # Panics
    /// If n is 0.
    pub fn every(mut self, n: u64) -> Self {
        assert!(n > 0, "every n-th request needs an n from 1");
        self.when = When::Every(n);
        self
    }

    /// Of those, each with this probability from 0 to 1. Whether it strikes follows from the seed, the
    /// request and how often the same request came before, but not from the order of different requests: a
    /// run can be repeated though its requests overlap.
    pub fn chance(mut self, probability: f64) -> Self {
        self.when = When::Chance(probability);
        self
    }
}

impl fmt::Debug for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rule").field("fault", &self.fault).field("when", &self.when).finish_non_exhaustive()
    }
}

/// A plan at work.
#[derive(Debug)]
pub(super) struct Decider {
    plan: Plan,
    /// How many requests each rule has counted.
    counts: Vec<u64>,
    /// How often each request line has come.
    repeats: HashMap<(String, String), u64>,
    pub(super) requests: u64,
    pub(super) met: Vec<Met>,
}

impl Decider {
    pub(super) fn new(plan: Plan) -> Self {
        let counts = vec![0; plan.rules.len()];
        Self { plan, counts, repeats: HashMap::new(), requests: 0, met: Vec::new() }
    }

    /// The fault for this request, if any.
    pub(super) fn decide(&mut self, seen: &Seen) -> Option<Fault> {
        self.requests += 1;
        let repeat = self.repeats.entry((seen.method.clone(), seen.target.clone())).or_default();
        *repeat += 1;
        for (index, rule) in self.plan.rules.iter().enumerate() {
            if !rule.wanted.iter().all(|wanted| wanted(seen)) {
                continue;
            }
            self.counts[index] += 1;
            let count = self.counts[index];
            let strikes = match rule.when {
                When::Always => true,
                When::Nth(n) => count == n,
                When::First(n) => count <= n,
                When::Every(n) => count.is_multiple_of(n),
                When::Chance(probability) => {
                    let mut hasher = DefaultHasher::new();
                    (self.plan.seed, index, &seen.method, &seen.target, *repeat).hash(&mut hasher);
                    fastrand::Rng::with_seed(hasher.finish()).f64() < probability
                }
            };
            if strikes {
                self.met.push(Met { fault: rule.fault.name(), request: seen.clone() });
                return Some(rule.fault.clone());
            }
        }
        None
    }
}
