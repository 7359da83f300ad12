//! Numbers for people.

/// A count with all its digits, in groups of three: `1,498,376,192`.
pub fn exact(count: u64) -> String {
    let digits = count.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A number of combinations with all its digits, which `u128::MAX` is too small for where that is reached.
pub fn combinations(count: u128) -> String {
    match u64::try_from(count) {
        Ok(count) => exact(count),
        Err(_) if count == u128::MAX => "more than 3.4e38".to_owned(),
        Err(_) => count.to_string(),
    }
}

/// `1 network`, `2 networks`, `1,498 networks`.
pub fn counted(count: usize, one: &str, many: &str) -> String {
    format!("{} {}", exact(count as u64), form(count as u128, one, many))
}

/// The form of a word that goes with a count.
pub const fn form<'a>(count: u128, one: &'a str, many: &'a str) -> &'a str {
    if count == 1 { one } else { many }
}

/// A signed difference with all its digits: `+1,024`, `-3`, `0`.
pub fn signed(difference: i128) -> String {
    let size = u64::try_from(difference.unsigned_abs()).unwrap_or(u64::MAX);
    match difference {
        0 => "0".to_owned(),
        1.. => format!("+{}", exact(size)),
        _ => format!("-{}", exact(size)),
    }
}

/// The difference of two counts.
pub fn change(before: u64, after: u64) -> String {
    signed(i128::from(after) - i128::from(before))
}

/// A relative difference: `+12.5%`; empty when there was nothing before.
#[expect(clippy::cast_precision_loss, reason = "shown with one decimal")]
pub fn percent_change(before: u64, after: u64) -> String {
    if before == 0 || before == after {
        return String::new();
    }
    format!("{:+.1}%", (after as f64 / before as f64 - 1.0) * 100.0)
}

/// A fraction as a percentage: `12.5%`.
pub fn share(fraction: f64) -> String {
    format!("{:.1}%", fraction * 100.0)
}

/// A fraction as a percentage without decimals: `12%`.
pub fn percent(fraction: f64) -> String {
    format!("{:.0}%", fraction * 100.0)
}

/// Bytes in the unit that suits them: `25.27 MiB`.
#[expect(clippy::cast_precision_loss, reason = "shown with two decimals")]
pub fn bytes(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let mut value = bytes as f64 / 1024.0;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    format!("{value:.2} {}", UNITS[unit])
}

/// A count with three digits and a unit: `6.99M`, `1.58G`, `512`.
#[expect(clippy::cast_precision_loss, reason = "shown with three digits")]
pub fn short_count(count: u64) -> String {
    const UNITS: [(f64, &str); 4] = [(1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "K")];
    let value = count as f64;
    // 999,500 shown with three digits is 1.00M.
    let unit = UNITS.iter().find(|(size, _)| value >= size * 0.9995);
    let Some((size, unit)) = unit else { return count.to_string() };
    let scaled = value / size;
    let decimals = if scaled < 9.995 {
        2
    } else if scaled < 99.95 {
        1
    } else {
        0
    };
    format!("{scaled:.decimals$}{unit}")
}

/// A number with this number of decimals.
pub fn decimals(value: f64, decimals: usize) -> String {
    format!("{value:.decimals$}")
}

/// Four significant digits.
pub fn significant(value: f64) -> String {
    match value {
        value if value >= 1000.0 => format!("{value:.0}"),
        value if value >= 100.0 => format!("{value:.1}"),
        value if value >= 10.0 => format!("{value:.2}"),
        value => format!("{value:.3}"),
    }
}

/// How many times as much: `3.8 times`; `0.55 times`.
#[expect(clippy::cast_precision_loss, reason = "shown with two or three digits")]
pub fn ratio(a: u64, b: u64) -> String {
    if b == 0 {
        return "infinitely many times".to_owned();
    }
    let value = a as f64 / b as f64;
    let decimals = match value {
        value if value >= 9.95 => 0,
        value if value >= 0.995 => 1,
        _ => 2,
    };
    format!("{value:.decimals$} times")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_keep_every_digit() {
        assert_eq!(exact(0), "0");
        assert_eq!(exact(999), "999");
        assert_eq!(exact(1_000), "1,000");
        assert_eq!(exact(1_498_376_192), "1,498,376,192");
        assert_eq!(counted(1, "network", "networks"), "1 network");
        assert_eq!(counted(0, "network", "networks"), "0 networks");
        assert_eq!(counted(2000, "network", "networks"), "2,000 networks");
        assert_eq!(change(5, 2), "-3");
        assert_eq!(change(0, 1024), "+1,024");
        assert_eq!(percent_change(100, 150), "+50.0%");
        assert_eq!(percent_change(0, 5), "");
    }

    #[test]
    fn short_counts_have_three_digits() {
        for (count, text) in [
            (0, "0"),
            (999, "999"),
            (1_000, "1.00K"),
            (999_499, "999K"),
            (999_500, "1.00M"),
            (9_995_000, "10.0M"),
            (61_100_840, "61.1M"),
            (1_582_671_872, "1.58G"),
        ] {
            assert_eq!(short_count(count), text, "{count}");
        }
    }

    #[test]
    fn bytes_get_a_unit() {
        assert_eq!(bytes(12), "12 B");
        assert_eq!(bytes(26_499_616), "25.27 MiB");
        assert_eq!(bytes(u64::MAX), "16777216.00 TiB");
    }
}
