//! Carries a case out for its seeds, and holds every end against that of an undisturbed run.

use std::collections::BTreeMap;
use std::env;
use std::fs::OpenOptions;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Write;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use serde_json::{Value, json};

use super::gate::{Strike, lock};
use super::line::Line;
use super::round::{self, Blow, Counts, Point, Round};
use super::world::World;
use super::{Case, Records, plain};

/// Undisturbed runs that a line may need after it was killed.
const AGAIN: usize = 3;
/// Seeds of a case that are carried out at the same time.
const AT_ONCE: usize = 3;

/// The end of an undisturbed run.
struct Undisturbed {
    counts: Vec<Counts>,
    state: Value,
    records: BTreeMap<String, usize>,
    /// The state that the way back leads to.
    before: Value,
}

/// What the seeds of a case came to.
#[derive(Default)]
struct Tally {
    kills: AtomicU64,
    rounds: AtomicU64,
    failures: Mutex<Vec<String>>,
}

/// Carries a case out.
///
/// # Panics
/// If any seed ends otherwise than an undisturbed run, with all of these and how each is repeated.
#[track_caller]
pub fn check(case: &Case) {
    if env::var("DRKIT_TORTURE_ONLY").is_ok_and(|only| !case.name.starts_with(&only)) {
        return;
    }
    let world = (case.world)();
    let stages = parse(&world, case).stages.len() as u64;
    let wanted = undisturbed(case, &world);
    drop(world);
    let seeds = seeds(case, stages);
    let (tally, next) = (Tally::default(), AtomicU64::new(0));
    thread::scope(|scope| {
        for _ in 0..AT_ONCE.min(seeds.len()) {
            scope.spawn(|| {
                while let Some(seed) =
                    seeds.get(usize::try_from(next.fetch_add(1, Ordering::Relaxed)).unwrap_or(usize::MAX))
                {
                    one(case, *seed, &wanted, &tally);
                }
            });
        }
    });
    let failures = tally.failures.into_inner().unwrap_or_default();
    report(case, seeds.len(), tally.kills.into_inner(), tally.rounds.into_inner(), failures.len());
    assert!(
        failures.is_empty(),
        "{}: {} of {} seeds: {}\n\n{}",
        case.name,
        failures.len(),
        seeds.len(),
        case.line,
        failures.join("\n\n")
    );
}

/// Fails unless there is a row for every pipe that is shown, and every row is shown where it says.
///
/// # Panics
/// With the pipes that have no row, and the rows that no page shows.
#[track_caller]
pub fn covered(rows: &[(&str, &str)]) {
    let shown = super::pipes();
    let has_row = |page: &str, text: &str| rows.contains(&(page, text));
    let bare: Vec<_> = shown.iter().filter(|(page, text)| !has_row(page, text)).collect();
    let is_shown = |row: &&(&str, &str)| shown.iter().any(|(page, text)| **row == (page, text));
    let stale: Vec<_> = rows.iter().filter(|row| !is_shown(row)).collect();
    assert!(
        bare.is_empty() && stale.is_empty(),
        "pipes without a row: {bare:#?}\nrows of no page: {stale:#?}"
    );
}

fn seeds(case: &Case, stages: u64) -> Vec<u64> {
    let number =
        |name: &str| env::var(name).ok().map(|text| text.parse().expect("a number in the environment"));
    match number("DRKIT_TORTURE_SEED") {
        Some(seed) => vec![seed],
        None => (0..stages * number("DRKIT_TORTURE_SEEDS").unwrap_or(case.seeds)).collect(),
    }
}

fn parse(world: &World, case: &Case) -> Line {
    Line::parse(case.line, |name| world.value(name))
}

fn undisturbed(case: &Case, world: &World) -> Undisturbed {
    let before = world.currently();
    let round = round::run(world, &parse(world, case), None);
    assert!(round.is_done(), "{}: undisturbed, it ended with {}", case.name, told(&round));
    let state = world.state();
    let records = records(case, world, &round.output);
    if let Some(wrong) = way_back(case, world, &round.output, &before) {
        panic!("{}: undisturbed, {wrong}", case.name);
    }
    Undisturbed { counts: round.counts, state, records, before }
}

/// One seed: what is wrong is added to the failures.
fn one(case: &Case, seed: u64, wanted: &Undisturbed, tally: &Tally) {
    let mut dice = dice(case, seed);
    let stage = usize::try_from(seed).unwrap_or_default() % wanted.counts.len();
    let world = (case.world)();
    let blows = [
        Some(blow(stage, &wanted.counts, &mut dice)),
        dice.bool().then(|| blow(stage, &wanted.counts, &mut dice)),
    ];
    let (mut history, mut name) = (Vec::new(), String::new());
    let mut together = BTreeMap::new();
    for blow in blows.into_iter().flatten().map(Some).chain([None; AGAIN]) {
        let line = parse(&world, case);
        name.clone_from(&line.stages[stage].words[0]);
        let round = round::run(&world, &line, blow);
        tally.rounds.fetch_add(1, Ordering::Relaxed);
        if blow.is_some_and(|blow| round.was_killed(blow.stage)) {
            tally.kills.fetch_add(1, Ordering::Relaxed);
        }
        let point = blow.map_or_else(|| "not disturbed".to_owned(), |blow| format!("{:?}", blow.point));
        history.push(format!("  {point}: {}", told(&round)));
        together.extend(records(case, &world, &round.output));
        if blow.is_none() && round.is_done() {
            let of_last = records(case, &world, &round.output);
            let wrong = differences(case, &world, wanted, &of_last, &together)
                .or_else(|| way_back(case, &world, &round.output, &wanted.before));
            history.extend(wrong.clone());
            if wrong.is_some() {
                break;
            }
            return;
        }
    }
    lock(&tally.failures).push(format!(
        "seed {seed}, stage {stage} ({name}); again: scripts/torture crash --only {} --seed {seed}\n{}",
        case.name,
        history.join("\n")
    ));
}

fn dice(case: &Case, seed: u64) -> fastrand::Rng {
    let mut hasher = DefaultHasher::new();
    (case.name, seed).hash(&mut hasher);
    fastrand::Rng::with_seed(hasher.finish())
}

/// A point that this stage comes by, if it does what it did undisturbed.
fn blow(stage: usize, counts: &[Counts], dice: &mut fastrand::Rng) -> Blow {
    let Counts { requests, wrote } = counts[stage];
    let fed = stage.checked_sub(1).map(|before| counts[before].wrote);
    let point = match (requests, fed) {
        (0, None) => Point::Wrote(dice.u64(1..=wrote.max(1))),
        (0, Some(lines)) => Point::Fed(dice.u64(1..=lines + 1)),
        // Most of what can go wrong is around a request.
        (_, Some(lines)) if dice.u8(0..4) == 0 => Point::Fed(dice.u64(1..=lines + 1)),
        _ => Point::Request(Strike { at: dice.u64(1..=requests), carried_out: dice.bool() }),
    };
    Blow { stage, point }
}

/// The records of an output, each with how often it is there. A line that a killed run left torn is none.
fn records(case: &Case, world: &World, output: &[u8]) -> BTreeMap<String, usize> {
    let mut counted = BTreeMap::new();
    let mut sums = BTreeMap::new();
    let plainly = world.plainly();
    for line in output.split_inclusive(|byte| *byte == b'\n').filter(|line| line.ends_with(b"\n")) {
        let mut record = plainly(&String::from_utf8_lossy(line));
        plain::record(&mut record);
        (case.plain)(&mut record);
        if let Records::OfTheLastInSum(names) = case.records {
            for name in names {
                *sums.entry(*name).or_default() += record[name].as_u64().unwrap_or_default();
            }
            plain::without(&mut record, names);
            counted.insert(record.to_string(), 1);
            continue;
        }
        *counted.entry(record.to_string()).or_default() += 1;
    }
    counted.extend(sums.into_iter().map(|(name, sum): (_, u64)| (json!({ name: sum }).to_string(), 1)));
    counted
}

fn differences(
    case: &Case,
    world: &World,
    wanted: &Undisturbed,
    of_last: &BTreeMap<String, usize>,
    together: &BTreeMap<String, usize>,
) -> Option<String> {
    let state = world.state();
    if state != wanted.state {
        return Some(told_apart("the state is not that of an undisturbed run", &state, &wanted.state));
    }
    let (got, is_same) = match case.records {
        Records::OfTheLast | Records::OfTheLastInSum(_) => (of_last, of_last == &wanted.records),
        Records::OfAll => (together, together.keys().eq(wanted.records.keys())),
        Records::OfNone => return None,
    };
    // Those that both have say nothing.
    let apart = |some: &BTreeMap<String, usize>, others: &BTreeMap<String, usize>| {
        let left = some.iter().filter(|(record, count)| others.get(*record) != Some(*count));
        left.map(
            |(record, count)| json!({"times": count, "record": serde_json::from_str::<Value>(record).ok()}),
        )
        .collect::<Value>()
    };
    let (ours, theirs) = (apart(got, &wanted.records), apart(&wanted.records, got));
    (!is_same).then(|| told_apart("the records are not those of an undisturbed run", &ours, &theirs))
}

fn told_apart(what: &str, ours: &Value, theirs: &Value) -> String {
    format!("  {what}:\n    {}", plain::differences(ours, theirs).join("\n    "))
}

/// Goes the way back, and says what is wrong with it.
fn way_back(case: &Case, world: &World, output: &[u8], before: &Value) -> Option<String> {
    std::fs::write(world.path("undo.jsonl"), output).expect("a file of the world");
    let round = round::run(world, &Line::parse(case.undo?, |name| world.value(name)), None);
    if !round.is_done() {
        return Some(format!("  the way back ended with {}", told(&round)));
    }
    let state = world.currently();
    (state != *before).then(|| told_apart("the way back did not lead to the state before", &state, before))
}

/// How a round ended, with the last lines of each stage that did not end with 0.
fn told(round: &Round) -> String {
    let stages = round.statuses.iter().zip(&round.stderr).map(|(status, stderr)| {
        let lines: Vec<_> = stderr.lines().collect();
        let last = lines[lines.len().saturating_sub(3)..].join("\n      ");
        if status.success() { status.to_string() } else { format!("{status}\n      {last}\n   ") }
    });
    stages.collect::<Vec<_>>().join(" | ")
}

fn report(case: &Case, seeds: usize, kills: u64, rounds: u64, failed: usize) {
    let Some(path) = env::var_os("DRKIT_TORTURE_REPORT") else { return };
    let result = if failed == 0 { "ok".to_owned() } else { format!("{failed} FAILED") };
    let mut file = OpenOptions::new().create(true).append(true).open(path).expect("the report");
    writeln!(file, "{}\t{seeds}\t{kills}\t{rounds}\t{result}", case.name).expect("the report can be written");
}
