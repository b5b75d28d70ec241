//! Every tool that changes something and every pipe that a page shows, killed and run again.

mod rds;
