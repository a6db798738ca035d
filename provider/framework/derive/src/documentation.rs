//! Doc comments become Markdown descriptions.

use syn::{Attribute, Expr, ExprLit, Lit, Meta};

/// The text of the doc comments among `attributes`: paragraphs stay, lines inside one are joined.
///
/// Terraform's own listings show a description as it is, so a line break in the source must not become one
/// on the screen. Lists, headings, tables, quotes and fenced code keep their lines.
pub(crate) fn description(attributes: &[Attribute]) -> String {
    let text: Vec<String> = attributes.iter().filter_map(doc_comment).collect();
    join(text.join("\n").lines())
}

fn doc_comment(attribute: &Attribute) -> Option<String> {
    match &attribute.meta {
        Meta::NameValue(pair) if pair.path.is_ident("doc") => match &pair.value {
            Expr::Lit(ExprLit {
                lit: Lit::Str(text),
                ..
            }) => Some(text.value()),
            _ => None,
        },
        _ => None,
    }
}

fn join<'a>(lines: impl Iterator<Item = &'a str>) -> String {
    let mut text = String::new();
    let mut in_code = false;
    let mut may_continue = false;
    for line in lines {
        // rustc keeps the space between the slashes and the text.
        let line = line.strip_prefix(' ').unwrap_or(line).trim_end();
        let fence = line.trim_start().starts_with("```");
        let joins = may_continue && !in_code && !fence && !line.is_empty() && !begins_anew(line);
        if joins {
            text.push(' ');
            text.push_str(line.trim_start());
        } else {
            if !text.is_empty() {
                text.push('\n');
            }
            text.push_str(line);
        }
        in_code ^= fence;
        may_continue = !line.is_empty() && !in_code && !fence && !is_own_line(line);
    }
    text.trim().to_owned()
}

/// Whether the line cannot be the continuation of the one before.
fn begins_anew(line: &str) -> bool {
    let line = line.trim_start();
    let numbered = line
        .split_once(". ")
        .is_some_and(|(number, _)| number.bytes().all(|byte| byte.is_ascii_digit()));
    numbered || ["- ", "* ", "+ "].iter().any(|item| line.starts_with(item)) || is_own_line(line)
}

/// Whether the line is a heading, a quote or a row of a table: nothing can continue it.
fn is_own_line(line: &str) -> bool {
    line.trim_start().starts_with(['#', '|', '>'])
}

#[cfg(test)]
mod tests {
    use syn::parse_quote;

    use super::*;

    #[test]
    fn lines_of_a_paragraph_are_joined_and_paragraphs_stay() {
        let item: syn::ItemStruct = parse_quote! {
            /// One thing
            /// and another.
            ///
            /// A second paragraph.
            struct Thing;
        };
        assert_eq!(
            description(&item.attrs),
            "One thing and another.\n\nA second paragraph."
        );
    }

    #[test]
    fn lists_and_code_keep_their_lines() {
        let item: syn::ItemStruct = parse_quote! {
            /// One of
            /// - this, which
            ///   is long
            /// - that
            ///
            /// ```
            /// a = 1
            /// b = 2
            /// ```
            struct Thing;
        };
        assert_eq!(
            description(&item.attrs),
            "One of\n- this, which is long\n- that\n\n```\na = 1\nb = 2\n```"
        );
    }

    #[test]
    fn without_a_comment_there_is_no_description() {
        let item: syn::ItemStruct = parse_quote!(
            struct Thing;
        );
        assert_eq!(description(&item.attrs), "");
    }
}
