//! Arguments as a POSIX shell reads them: an SSH server gives what it is sent to the user's shell.

/// The arguments as one line that a shell takes apart into just these.
pub(crate) fn quoted<T: AsRef<str>>(arguments: impl IntoIterator<Item = T>) -> String {
    let quoted: Vec<String> = arguments
        .into_iter()
        .map(|argument| quote(argument.as_ref()))
        .collect();
    quoted.join(" ")
}

fn quote(argument: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-./:=,@%+".contains(&byte);
    if !argument.is_empty() && argument.bytes().all(is_plain) {
        return argument.to_owned();
    }
    format!("'{}'", argument.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_reads_what_was_meant() {
        for (argument, expected) in [
            ("docker", "docker"),
            ("", "''"),
            ("a b", "'a b'"),
            ("it's", r"'it'\''s'"),
            ("$HOME", "'$HOME'"),
            ("*", "'*'"),
            ("~", "'~'"),
            ("a\nb", "'a\nb'"),
        ] {
            assert_eq!(quoted([argument]), expected);
        }
        assert_eq!(quoted(["sh", "-c", "exit 3"]), "sh -c 'exit 3'");
    }
}
