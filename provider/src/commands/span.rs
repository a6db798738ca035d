//! Spans of time as a person reads them.

use jiff::{SignedDuration, Timestamp};

/// The time from one moment to another; none where the second is the earlier one.
pub(super) fn between(from: Timestamp, to: Timestamp) -> SignedDuration {
    to.duration_since(from).max(SignedDuration::ZERO)
}

/// To the tenth of a second, as long as that matters: `0.4 s`, `2 min 05 s`, `3 h 12 min`.
pub(super) fn exact(span: SignedDuration) -> String {
    let tenths = span.as_millis() / 100;
    let seconds = tenths / 10;
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, seconds) => format!("{seconds}.{} s", tenths % 10),
        (0, minutes, seconds) => format!("{minutes} min {seconds:02} s"),
        (hours, minutes, _) => format!("{hours} h {minutes:02} min"),
    }
}

/// Its greatest unit alone: `5 days`.
pub(super) fn rough(span: SignedDuration) -> String {
    const DAY: i64 = 24 * 60 * 60;
    match span.as_secs() {
        seconds @ ..60 => format!("{seconds} s"),
        seconds @ 60..3_600 => format!("{} min", seconds / 60),
        seconds @ 3_600..172_800 => format!("{} h", seconds / 3_600),
        seconds => format!("{} days", seconds / DAY),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_as_exact_as_they_are_short() {
        let exact = |millis| exact(SignedDuration::from_millis(millis));
        assert_eq!(exact(49), "0.0 s");
        assert_eq!(exact(59_999), "59.9 s");
        assert_eq!(exact(125_000), "2 min 05 s");
        assert_eq!(exact(7_320_000), "2 h 02 min");
        let rough = |seconds| rough(SignedDuration::from_secs(seconds));
        assert_eq!(
            [59, 60, 3_600, 172_799, 172_800].map(rough),
            ["59 s", "1 min", "1 h", "47 h", "2 days"]
        );
    }

    #[test]
    fn time_does_not_run_backwards() {
        let (earlier, later) = (Timestamp::UNIX_EPOCH, Timestamp::MAX);
        assert_eq!(between(later, earlier), SignedDuration::ZERO);
    }
}
