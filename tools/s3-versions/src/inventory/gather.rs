//! From the data files of a report to sorted rows, a few files at once.

use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;
use std::thread;

use anyhow::{Context, Result};
use bytes::{Buf as _, Bytes};
use common::Ctx;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::intake::{Intake, Wanted};
use super::manifest::{DataFile, Manifest};
use super::schema::Columns;
use super::sort::{Batch, Merge, Sorter};
use super::store::Store;
use super::{csv_file, parquet_file};

/// Data files that are read at once, where there are processors for them.
const CSV_FILES: usize = 4;
/// Fewer in Parquet, of which some pages of every column are in memory.
const PARQUET_FILES: usize = 1;
/// What all batches may hold together, in bytes.
const ROOM: usize = 8 << 20;
/// Chunks of a file that wait to be unpacked.
const CHUNKS: usize = 2;

/// Reads and checks every file of the report, and returns the wanted rows in their order.
///
/// # Errors
/// When a file lacks, is damaged or cannot be understood, or the sort has no room.
pub async fn gather(
    ctx: &Ctx,
    store: &Store,
    manifest: &Manifest,
    wanted: Wanted,
    folder: &Path,
) -> Result<Merge> {
    let wanted = Arc::new(wanted);
    let sorter = Arc::new(Sorter::new(folder.to_owned()));
    let most = if manifest.columns == Columns::Parquet { PARQUET_FILES } else { CSV_FILES };
    let workers = thread::available_parallelism().map_or(1, usize::from).min(most);
    let mut batches: Vec<_> = (0..workers).map(|_| Batch::new(ROOM / workers)).collect();
    let mut kept = 0;
    let mut reading = JoinSet::new();
    let mut files = manifest.files.iter();
    loop {
        while let Some(batch) = batches.pop() {
            let Some(file) = files.next() else {
                batches.push(batch);
                break;
            };
            let intake = Intake::new(ctx.clone(), Arc::clone(&wanted), Arc::clone(&sorter), batch);
            let (store, file, columns) = (store.clone(), file.clone(), manifest.columns.clone());
            let folder = folder.to_owned();
            reading.spawn(async move {
                let place = store.place(&file.key);
                read(&store, &file, columns, &folder, intake).await.context(place)
            });
        }
        let Some(done) = reading.join_next().await else { break };
        let (batch, wanted) = done.unwrap_or_else(|err| std::panic::resume_unwind(err.into_panic()))?.end();
        batches.push(batch);
        kept += wanted;
    }
    tracing::info!("the report is whole: {kept} of its entries are wanted");
    tokio::task::spawn_blocking(move || sorter.merge(batches)).await?
}

/// Reads one file. What was taken in of a file that is found damaged at its end is never used.
async fn read(
    store: &Store,
    file: &DataFile,
    columns: Columns,
    folder: &Path,
    mut intake: Intake,
) -> Result<Intake> {
    let (sender, chunks) = mpsc::channel(CHUNKS);
    let folder = folder.to_owned();
    let unpack = tokio::task::spawn_blocking(move || {
        let mut file = Chunks { chunks, chunk: Bytes::new() };
        let read = match &columns {
            Columns::Csv(columns) => csv_file::read(&mut file, columns, &mut intake),
            Columns::Parquet => parquet_file::read(&mut file, &folder, &mut intake),
        };
        // The rest is of no use, but its checksum may tell why reading failed.
        io::copy(&mut file, &mut io::sink())?;
        read.map(|()| intake)
    });
    let (streamed, read) = tokio::join!(store.stream(&file.key, sender), unpack);
    file.check(streamed?)?;
    read.unwrap_or_else(|err| std::panic::resume_unwind(err.into_panic()))
}

/// The chunks of a body as a file. A body that ends too soon is told by who sends it.
struct Chunks {
    chunks: mpsc::Receiver<Bytes>,
    chunk: Bytes,
}

impl Read for Chunks {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        while self.chunk.is_empty() {
            match self.chunks.blocking_recv() {
                Some(chunk) => self.chunk = chunk,
                None => return Ok(0),
            }
        }
        let length = buf.len().min(self.chunk.len());
        self.chunk.copy_to_slice(&mut buf[..length]);
        Ok(length)
    }
}
