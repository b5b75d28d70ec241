//! White space between the tokens of a JSON text, and nothing else.

/// The text indented by two, as Stripe writes it. The tokens keep their bytes.
pub(super) fn pretty(text: &str) -> String {
    let mut written = String::with_capacity(text.len() * 2);
    let mut depth = 0;
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '"' => string(rest),
            _ => first.len_utf8(),
        };
        let (token, after) = rest.split_at(length);
        rest = after.trim_start();
        match first {
            '{' | '[' if rest.starts_with(['}', ']']) => written.push_str(token),
            '{' | '[' => {
                depth += 1;
                written.push_str(token);
                new_line(&mut written, depth);
            }
            '}' | ']' => {
                if !written.ends_with(['{', '[']) {
                    depth -= 1;
                    new_line(&mut written, depth);
                }
                written.push_str(token);
            }
            ',' => {
                written.push(',');
                new_line(&mut written, depth);
            }
            ':' => written.push_str(": "),
            _ => written.push_str(token),
        }
    }
    written
}

fn new_line(written: &mut String, depth: usize) {
    written.push('\n');
    written.extend(std::iter::repeat_n("  ", depth));
}

/// The bytes of the string at the start of a text.
fn string(text: &str) -> usize {
    let mut escaped = false;
    let end = text.char_indices().skip(1).find(|(_, char)| {
        let ends = *char == '"' && !escaped;
        escaped = *char == '\\' && !escaped;
        ends
    });
    end.map_or(text.len(), |(end, _)| end + 1)
}

#[cfg(test)]
mod tests {
    use super::pretty;

    #[test]
    fn only_white_space_is_added() {
        let text = r#"{"a":[1.10,{"b\"}":"x, \\"}],"c":{},"d":[],"é":null}"#;
        let expected = "{\n  \"a\": [\n    1.10,\n    {\n      \"b\\\"}\": \"x, \\\\\"\n    }\n  ],\n  \"c\": {},\n  \"d\": [],\n  \"é\": null\n}";
        assert_eq!(pretty(text), expected);
    }
}
