//! `ddb-retire`: a DynamoDB table is deleted, and its archive stays.

fn main() {}
