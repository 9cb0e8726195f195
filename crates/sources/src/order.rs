//! The order of names as people expect it: `2` before `10`, letters without regard to case, folders part by part.

use std::cmp::Ordering;

/// Compares two paths written with `/`, part by part: runs of digits by their value, letters without regard to case.
/// Where that finds no difference the plain text decides, so the order is total.
pub fn natural(a: &str, b: &str) -> Ordering {
    let mut parts_a = a.split('/');
    let mut parts_b = b.split('/');
    loop {
        match (parts_a.next(), parts_b.next()) {
            (Some(a), Some(b)) => match component(a, b) {
                Ordering::Equal => {}
                unequal => return unequal,
            },
            (None, Some(_)) => return Ordering::Less,
            (Some(_), None) => return Ordering::Greater,
            (None, None) => return a.cmp(b),
        }
    }
}

fn component(a: &str, b: &str) -> Ordering {
    let (mut rest_a, mut rest_b) = (a, b);
    loop {
        let (Some(first_a), Some(first_b)) = (rest_a.chars().next(), rest_b.chars().next()) else {
            return rest_a.len().cmp(&rest_b.len());
        };
        if first_a.is_ascii_digit() && first_b.is_ascii_digit() {
            let (digits_a, after_a) = digits(rest_a);
            let (digits_b, after_b) = digits(rest_b);
            let order = digits_a.len().cmp(&digits_b.len()).then_with(|| digits_a.cmp(digits_b));
            if order != Ordering::Equal {
                return order;
            }
            (rest_a, rest_b) = (after_a, after_b);
        } else {
            let order = folded(first_a, first_b);
            if order != Ordering::Equal {
                return order;
            }
            (rest_a, rest_b) = (&rest_a[first_a.len_utf8()..], &rest_b[first_b.len_utf8()..]);
        }
    }
}

/// The leading digits without leading zeros (they have no value), and what follows.
fn digits(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    (text[..end].trim_start_matches('0'), &text[end..])
}

fn folded(a: char, b: char) -> Ordering {
    if a.is_ascii() && b.is_ascii() {
        a.to_ascii_lowercase().cmp(&b.to_ascii_lowercase())
    } else {
        a.to_lowercase().cmp(b.to_lowercase())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sorted(names: &[&str]) -> Vec<String> {
        let mut names: Vec<String> = names.iter().map(ToString::to_string).collect();
        names.sort_by(|a, b| natural(a, b));
        names
    }

    #[test]
    fn numbers_by_value_and_letters_without_case() {
        assert_eq!(sorted(&["p10.png", "P2.png", "p1.png"]), ["p1.png", "P2.png", "p10.png"]);
        assert_eq!(sorted(&["b", "A", "a", "B"]), ["A", "a", "B", "b"]);
        assert_eq!(sorted(&["x007", "x7", "x08"]), ["x007", "x7", "x08"]);
        assert_eq!(sorted(&["图10.png", "图9.png", "夜.png"]), ["图9.png", "图10.png", "夜.png"]);
    }

    #[test]
    fn folders_part_by_part() {
        assert_eq!(sorted(&["a-b/1", "a/10", "a/2", "a"]), ["a", "a/2", "a/10", "a-b/1"]);
    }

    #[test]
    fn numbers_without_end_do_not_overflow() {
        let (long, longer) = (format!("a{}", "9".repeat(300)), format!("a1{}", "0".repeat(300)));
        assert_eq!(natural(&long, &longer), Ordering::Less);
    }

    proptest! {
        #[test]
        fn the_order_is_total(a in "[aA0b1/图-]{0,6}", b in "[aA0b1/图-]{0,6}", c in "[aA0b1/图-]{0,6}") {
            prop_assert_eq!(natural(&a, &b), natural(&b, &a).reverse());
            prop_assert_eq!(natural(&a, &b) == Ordering::Equal, a == b);
            if natural(&a, &b).is_le() && natural(&b, &c).is_le() {
                prop_assert!(natural(&a, &c).is_le());
            }
        }
    }
}
