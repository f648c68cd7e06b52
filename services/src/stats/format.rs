/// A count for people: exact below a thousand, then truncated to one decimal, so that
/// `1.2K+` is never more than the count.
#[must_use]
pub fn format_count(count: i64) -> String {
    const UNITS: [(i64, &str); 3] = [(1_000_000_000, "B"), (1_000_000, "M"), (1_000, "K")];
    let count = count.max(0);
    let Some((size, unit)) = UNITS.into_iter().find(|(size, _)| count >= *size) else {
        return count.to_string();
    };
    let tenths = count / (size / 10);
    match tenths % 10 {
        0 => format!("{}{unit}+", tenths / 10),
        tenth => format!("{}.{tenth}{unit}+", tenths / 10),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_counts() {
        let table = [
            (-5, "0"),
            (0, "0"),
            (999, "999"),
            (1_000, "1K+"),
            (1_234, "1.2K+"),
            (1_299, "1.2K+"),
            (10_050, "10K+"),
            (999_999, "999.9K+"),
            (1_000_000, "1M+"),
            (1_500_000, "1.5M+"),
            (2_000_000_000, "2B+"),
        ];
        for (count, text) in table {
            assert_eq!(format_count(count), text);
        }
        assert!(format_count(i64::MAX).ends_with("B+"));
    }
}
