//! An input that ends is not an input that is whole.

use crate::{assert_holds, documents, people};

fn trailer(rows: u32, complete: bool) -> String {
    format!("{{\"pg_rows\":{{\"rows\":{rows},\"complete\":{complete}}}}}\n")
}

#[test]
fn a_trailer_with_the_right_count_is_whole_and_no_document() {
    let (server, people) = people();
    for flags in [&["--expect-trailer"][..], &["--expect-count", "3"], &[]] {
        let input = documents(0..3) + &trailer(3, true);
        let output = server.tool("ts-import").args(flags).arg(&people).stdin(input).run();
        output.assert_code(0);
        assert!(output.stderr.contains("read 3, done 3, rejected 0"), "{}", output.stderr);
    }
    // Two sources after one another.
    let input = documents(0..3) + &trailer(3, true) + &documents(3..5) + &trailer(2, true);
    server.tool("ts-import").args(["--expect-trailer", &people]).stdin(input).run().assert_code(0);
    assert_holds(server, &people, 0..5);
}

#[test]
fn an_input_that_broke_off_is_told_after_what_came_was_imported() {
    let (server, people) = people();
    for (flags, input, words) in [
        (&["--expect-trailer"][..], documents(0..3), "ends after 3 documents without a trailer"),
        (&["--expect-trailer"], String::new(), "ends after 0 documents without a trailer"),
        (&["--expect-trailer"], documents(0..3) + &trailer(4, true), "wrote 4 rows, and 3 were read"),
        (&["--expect-trailer"], documents(0..3) + &trailer(3, false), "says that its 3 rows are not all"),
        (&["--expect-count", "4"], documents(0..3), "has 3 documents, not 4 (--expect-count)"),
        (&["--expect-count", "2"], documents(0..3), "has 3 documents, not 2 (--expect-count)"),
    ] {
        let output = server.tool("ts-import").args(flags).arg(&people).stdin(input).run();
        output.assert_code(1);
        let errors: Vec<_> = output.stderr.lines().filter(|line| line.contains("error: ")).collect();
        assert!(matches!(errors[..], [line] if line.contains(words)), "{words}: {}", output.stderr);
    }
    assert_holds(server, &people, 0..3);
}

#[test]
fn what_is_rejected_was_read() {
    let (server, people) = people();
    let input = documents(0..3) + "x\n{\"id\":7}\n" + &trailer(5, true);
    let flags = ["--expect-trailer", "--expect-count", "5", &people];
    server.tool("ts-import").args(flags).stdin(input).run().assert_code(3);
    assert_holds(server, &people, 0..3);
}
