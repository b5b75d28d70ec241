//! `ddb-restore`: a DynamoDB table as it was at a point in time.

fn main() {}
