//! Which events are asked for, and the pages of them.

use anyhow::{Result, bail};
use common::Usage;
use jiff::Timestamp;
use reqwest::Url;

use crate::api::Api;
use crate::cli::{Cli, Since};
use crate::page::{Head, Page, head};

/// The path of events.
const EVENTS: &str = "/v1/events";
/// The most events of a page, and the most types of a request (API reference, "List all events").
const PAGE: &str = "100";
const TYPES: usize = 20;
/// Seconds for which Stripe lists events (API reference, "List all events"), and for which a span such as 30d may have
/// been counted before it is used.
const KEPT: i64 = 30 * 24 * 60 * 60;
const SLACK: i64 = 60;

/// Questions about the events of the command line.
pub struct Query<'a> {
    api: &'a Api,
    filter: Vec<(&'static str, String)>,
    /// The second from which on events are left out.
    until: Option<i64>,
}

impl<'a> Query<'a> {
    /// What the command line asks for.
    ///
    /// # Errors
    /// [`Usage`] for flags that do not go together.
    pub fn new(api: &'a Api, cli: &Cli) -> Result<Self> {
        let mut filter = Vec::new();
        match &cli.types[..] {
            [kind] => filter.push(("type", kind.clone())),
            kinds if kinds.len() > TYPES => return wrong("Stripe takes at most 20 types at once"),
            kinds if kinds.iter().any(|kind| kind.contains('*')) => {
                return wrong("Stripe takes a type with * only alone, not beside other types");
            }
            kinds => filter.extend(kinds.iter().map(|kind| ("types[]", kind.clone()))),
        }
        if cli.undelivered {
            filter.push(("delivery_success", "false".to_owned()));
        }
        if let (Since::Time(since), Some(until)) = (&cli.since, &cli.until)
            && since >= until
        {
            return wrong("--until is not after --since");
        }
        if matches!(cli.since, Since::Time(since) if since > Timestamp::now()) {
            return wrong("--since is in the future");
        }
        // A part of a second belongs to it: events know no parts.
        let until = cli.until.map(|until| until.as_second() + i64::from(until.subsec_nanosecond() > 0));
        Ok(Self { api, filter, until })
    }

    /// Fails unless Stripe still knows this event, and therefore all that came after it.
    ///
    /// # Errors
    /// It does not, or cannot be asked.
    pub async fn check(&self, id: &str) -> Result<()> {
        let url = self.api.url(&format!("{EVENTS}/{id}"));
        let body = match self.api.get(url).await {
            Ok(body) => body,
            Err(trouble) if matches!(trouble.status, Some(400 | 404)) => bail!(
                "{}; Stripe keeps events for 30 days, and only the key of its account and mode finds one",
                trouble.message
            ),
            Err(trouble) => return Err(trouble.into()),
        };
        let Head { created, livemode, .. } = head(&String::from_utf8_lossy(&body))?;
        self.check_mode(id, livemode)?;
        check_age(id, created)
    }

    /// Fails for an event of the other mode than the key's.
    ///
    /// # Errors
    /// It is.
    pub fn check_mode(&self, id: &str, is_live: bool) -> Result<()> {
        match (is_live, self.api.is_live()) {
            (true, false) => bail!("{id} is an event of live mode, and the key is one of test mode"),
            (false, true) => bail!("{id} is an event of test mode, and the key is one of live mode"),
            _ => Ok(()),
        }
    }

    /// The newest event from before a time, if there is one.
    ///
    /// # Errors
    /// What came before the time may be gone already, or Stripe does not answer.
    pub async fn newest_before(&self, time: Timestamp) -> Result<Option<String>> {
        check_age("--since", time.as_second())?;
        let mut url = self.list("1");
        url.query_pairs_mut().append_pair("created[lt]", &time.as_second().to_string());
        self.page(url).await?.newest()
    }

    /// The events that are next newer than this one.
    ///
    /// # Errors
    /// Stripe does not answer, or with no list.
    pub async fn after(&self, id: &str) -> Result<Page> {
        let mut url = self.bounded();
        url.query_pairs_mut().append_pair("ending_before", id);
        self.page(url).await
    }

    /// The oldest events from a time on, for an account that has none before it: what is newer is passed over.
    ///
    /// # Errors
    /// As [`Query::after`].
    pub async fn oldest(&self, time: Timestamp) -> Result<Page> {
        let mut url = self.bounded();
        url.query_pairs_mut().append_pair("created[gte]", &time.as_second().to_string());
        let mut page = self.page(url.clone()).await?;
        while page.has_more {
            let Some(last) = page.oldest()? else { break };
            let mut next = url.clone();
            next.query_pairs_mut().append_pair("starting_after", &last);
            page = self.page(next).await?;
        }
        // There was more in the other direction: the newer ones.
        page.has_more = true;
        Ok(page)
    }

    fn list(&self, limit: &str) -> Url {
        let mut url = self.api.url(EVENTS);
        url.query_pairs_mut().append_pair("limit", limit).extend_pairs(&self.filter);
        url
    }

    fn bounded(&self) -> Url {
        let mut url = self.list(PAGE);
        if let Some(until) = self.until {
            url.query_pairs_mut().append_pair("created[lt]", &until.to_string());
        }
        url
    }

    async fn page(&self, url: Url) -> Result<Page> {
        Page::read(&self.api.get(url).await?)
    }
}

fn wrong<T>(why: &str) -> Result<T> {
    Err(Usage::Wrong(why.to_owned()).into())
}

/// Fails for what is so old that events after it may be gone.
fn check_age(what: &str, second: i64) -> Result<()> {
    if second >= Timestamp::now().as_second() - KEPT - SLACK {
        return Ok(());
    }
    let time = Timestamp::from_second(second)?;
    bail!(
        "{what} is of {time}, and Stripe lists events for 30 days: those after it are not all there any more; \
         compare the objects themselves, or take what there is with --since 30d"
    )
}
