//! JSON on one line or laid out for people, with every value left as it came: numbers are not read, members keep their
//! order.

/// Valid JSON without the white space between its tokens.
pub fn compact(json: &str) -> String {
    tokens(json).collect()
}

/// Valid JSON with a line for each member and item. What holds nothing stays on its line.
pub fn laid_out(json: &str) -> String {
    let mut out = String::with_capacity(json.len() * 2);
    let mut depth = 0;
    let mut tokens = tokens(json).peekable();
    while let Some(token) = tokens.next() {
        match token {
            "{" | "[" if tokens.peek().is_some_and(|next| matches!(*next, "}" | "]")) => {
                out.push_str(token);
                out.extend(tokens.next());
            }
            "{" | "[" => {
                depth += 1;
                out.push_str(token);
                new_line(&mut out, depth);
            }
            "}" | "]" => {
                depth -= 1;
                new_line(&mut out, depth);
                out.push_str(token);
            }
            "," => {
                out.push_str(token);
                new_line(&mut out, depth);
            }
            ":" => out.push_str(": "),
            _ => out.push_str(token),
        }
    }
    out.push('\n');
    out
}

fn new_line(out: &mut String, depth: usize) {
    out.push('\n');
    out.extend(std::iter::repeat_n("  ", depth));
}

/// The tokens of valid JSON; those of numbers and names may come in parts.
fn tokens(json: &str) -> impl Iterator<Item = &str> {
    let mut rest = json.trim_ascii();
    std::iter::from_fn(move || {
        let next = rest.chars().next()?;
        let (token, after) = rest.split_at(if next == '"' { string_length(rest) } else { next.len_utf8() });
        rest = after.trim_ascii_start();
        Some(token)
    })
}

/// The length of the string that a text starts with, quotes included.
fn string_length(text: &str) -> usize {
    let mut escaped = false;
    for (index, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return index + 1,
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::Value;

    #[test]
    fn values_keep_their_digits_and_members_their_order() {
        let json = r#"{"b":1.10,"a":[ ],"s":"{\"x\": [1,2]}\\","n":[1e400,{"z":{},"y":null}]}"#;
        let expected = r#"{
  "b": 1.10,
  "a": [],
  "s": "{\"x\": [1,2]}\\",
  "n": [
    1e400,
    {
      "z": {},
      "y": null
    }
  ]
}
"#;
        assert_eq!(laid_out(json), expected);
        assert_eq!(compact(expected), json.replace("[ ]", "[]"));
    }

    fn json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            ".*".prop_map(Value::from)
        ];
        leaf.prop_recursive(4, 32, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::hash_map(".*", inner, 0..4).prop_map(|map| map.into_iter().collect()),
            ]
        })
    }

    proptest! {
        #[test]
        fn the_same_is_read_from_it_and_it_is_laid_out_already(value in json()) {
            let text = laid_out(&value.to_string());
            prop_assert_eq!(&serde_json::from_str::<Value>(&text).unwrap(), &value);
            prop_assert_eq!(compact(&text), value.to_string());
            prop_assert_eq!(laid_out(&text), text);
        }
    }
}
