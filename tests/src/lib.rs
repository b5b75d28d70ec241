//! What the tests of every tool share: running a real binary, the servers it talks to, and the faults between
//! them.
//!
//! | module | gives |
//! |---|---|
//! | [`tool`] | run a tool's binary, read its records, rejects and exit code |
//! | [`moto`] | one moto server for each test process: S3, CloudFront and more |
//! | [`cloudfront`] | distributions in moto |
//! | [`cloudwatch`] | a CloudWatch that counts connections to DB instances, and requests to tables |
//! | [`dynamodb`] | a fast DynamoDB with generated items to be scanned |
//! | [`s3`] | a fast versioned S3 in this process, exact where moto is not |
//! | [`s3control`] | S3 Batch Operations, whose jobs really copy in the S3 behind them |
//! | [`fault`] | a seeded proxy: throttling, errors, resets, cut and slow bodies |
//! | [`postgres`] | PostgreSQL, of two versions where the machine has the older, each database for one test |
//! | [`cut`] | a proxy in front of PostgreSQL that cuts and holds connections |
//! | [`typesense`] | Typesense: one server for each test process, and clusters to break |
//! | [`rds`] | an RDS whose clusters change their state from look to look, exact where moto is not |
//! | [`stripe`] | Stripe's events, as its API lists them |
//! | [`tables`] | moto's DynamoDB tables, with the states and exports that moto lacks |
//! | [`model`] | a request held against the service model that botocore carries |
//! | [`examples`] | the shell examples of a tool's README and help |
//! | [`pages`] | the help, man page and completions that every tool prints |
//! | [`answering`] | a server for a fake: a state, and one function that answers requests from it |
//! | [`crash`] | kills the stages of a pipe at seeded points, runs it again and compares with an undisturbed run |
//! | [`client`] | an SDK client for the set-up and the checks of a test |
#![expect(clippy::expect_used, reason = "a broken test bench is a failed test")]

pub mod answering;
pub mod client;
pub mod cloudfront;
pub mod cloudwatch;
pub mod crash;
pub mod cut;
pub mod dynamodb;
pub mod examples;
pub mod fault;
mod listening;
pub mod model;
pub mod moto;
pub mod pages;
pub mod postgres;
pub mod rds;
pub mod s3;
pub mod s3control;
mod sandbox;
pub mod stripe;
pub mod tables;
pub mod tool;
pub mod typesense;
