//! Money in a currency's minor units.

use iso_currency::Currency;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, de};

/// An amount of money: 12.30 € is `{"minor": 1230, "currency": "EUR"}`, 500 ¥ is `{"minor": 500, "currency": "JPY"}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Money {
    /// In the currency's minor units, as ISO 4217 counts them.
    pub minor: i64,
    /// The ISO 4217 code, in capitals.
    #[schemars(length(equal = 3))]
    pub currency: String,
}

fn digits(currency: &str) -> Option<(Currency, u32)> {
    let currency = Currency::from_code(&currency.to_ascii_uppercase())?;
    Some((currency, currency.exponent().map_or(0, u32::from)))
}

impl Money {
    /// From minor units, if there is such a currency.
    pub fn new(minor: i64, currency: &str) -> Option<Self> {
        let (currency, _) = digits(currency)?;
        Some(Self { minor, currency: currency.code().to_owned() })
    }

    /// From a decimal number such as `12.3`, exactly; none where it has more digits than the currency, or
    /// is no number. A half cent is not rounded away in silence.
    pub fn from_decimal(text: &str, currency: &str) -> Option<Self> {
        let (known, digits) = digits(currency)?;
        let text = text.trim();
        let (negative, number) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        let fraction = fraction.trim_end_matches('0');
        let sound = !whole.is_empty()
            && [whole, fraction].iter().all(|part| part.bytes().all(|byte| byte.is_ascii_digit()));
        let missing = digits.checked_sub(u32::try_from(fraction.len()).ok()?)?;
        if !sound {
            return None;
        }
        let all: i64 = format!("{whole}{fraction}").parse().ok()?;
        let minor = all.checked_mul(10_i64.checked_pow(missing)?)?;
        Some(Self {
            minor: if negative { -minor } else { minor },
            currency: known.code().to_owned(),
        })
    }

    /// As a decimal number, `12.30`.
    pub fn to_decimal(&self) -> String {
        let digits = digits(&self.currency).map_or(0, |(_, digits)| digits);
        let unit = 10_u64.pow(digits);
        let sign = if self.minor < 0 { "-" } else { "" };
        let minor = self.minor.unsigned_abs();
        let whole = minor / unit;
        if digits == 0 {
            return format!("{sign}{whole}");
        }
        format!("{sign}{whole}.{:0width$}", minor % unit, width = digits as usize)
    }
}

impl<'de> Deserialize<'de> for Money {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Wire {
            minor: i64,
            currency: String,
        }
        let Wire { minor, currency } = Wire::deserialize(deserializer)?;
        Self::new(minor, &currency)
            .ok_or_else(|| de::Error::custom("`currency` is a code of ISO 4217, such as `EUR`"))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn each_currency_has_its_own_minor_units() {
        let money = |text, currency| Money::from_decimal(text, currency).map(|money| money.minor);
        assert_eq!(money("12.3", "eur"), Some(1230));
        assert_eq!(money("500", "JPY"), Some(500));
        assert_eq!(money("1.234", "BHD"), Some(1234));
        assert_eq!(money("-0.05", "USD"), Some(-5));
        assert_eq!(money("12.3000", "EUR"), Some(1230));
    }

    #[test]
    fn what_can_not_be_said_exactly_is_not_said() {
        for (text, currency) in [
            ("12.345", "EUR"),
            ("0.5", "JPY"),
            ("", "EUR"),
            ("1e3", "EUR"),
            (".", "EUR"),
            ("1", "EURO"),
        ] {
            assert_eq!(Money::from_decimal(text, currency), None, "{text} {currency}");
        }
    }

    proptest! {
        #[test]
        fn money_survives_as_a_decimal(minor in any::<i32>(), currency in prop::sample::select(vec!["EUR", "JPY", "BHD"])) {
            let money = Money::new(i64::from(minor), currency).unwrap();
            prop_assert_eq!(Money::from_decimal(&money.to_decimal(), currency), Some(money));
        }
    }
}
