//! The mails about payments.

use atelier_entities::Timestamp;
use atelier_foundation::{
    mail::{Content, Template},
    mail_template,
};
use serde::Serialize;
use serde_json::json;

/// Something was paid: a [`PaymentReceipt`], which everybody gets who paid.
pub static PAYMENT_RECEIPT: Template = mail_template!("payment_receipt", || json!(payment_receipt()));

/// What was paid.
#[derive(Clone, Debug, Serialize)]
pub struct PaymentReceipt {
    /// The receipt's number. There is one mail of each.
    pub number: String,
    /// When it was paid.
    pub paid_at: Timestamp,
    /// Currency of all amounts, in ISO 4217 and capital letters.
    pub currency: String,
    /// What was bought.
    pub lines: Vec<ReceiptLine>,
    /// Tax within the total, in minor units.
    pub tax_minor: Option<i64>,
    /// The total in minor units.
    pub total_minor: i64,
    /// How it was paid, such as `Visa ···· 4242`.
    pub method: Option<String>,
}

/// Something that was bought.
#[derive(Clone, Debug, Serialize)]
pub struct ReceiptLine {
    /// What.
    pub description: String,
    /// How many.
    pub quantity: u32,
    /// Their price together, in minor units.
    pub amount_minor: i64,
}

impl Content for PaymentReceipt {
    fn template(&self) -> &'static Template {
        &PAYMENT_RECEIPT
    }

    fn cause(&self) -> String {
        self.number.clone()
    }
}

fn payment_receipt() -> PaymentReceipt {
    let line = |description: &str, quantity, amount_minor| ReceiptLine {
        description: description.to_owned(),
        quantity,
        amount_minor,
    };
    PaymentReceipt {
        number: "A-2026-000042".to_owned(),
        paid_at: Timestamp::from_timestamp(1_795_179_720, 0).expect("a moment"),
        currency: "EUR".to_owned(),
        lines: vec![line("Pro, one year", 1, 118_800), line("100 credits", 2, 4_650)],
        tax_minor: Some(20_575),
        total_minor: 123_450,
        method: Some("Visa ···· 4242".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use atelier_entities::Locale;
    use atelier_foundation::testing::render;
    use serde_json::Value;

    use super::*;

    #[test]
    fn a_receipt_in_another_currency_has_its_own_digits() {
        let mut data = PAYMENT_RECEIPT.sample();
        data["currency"] = json!("JPY");
        data["tax_minor"] = Value::Null;
        data["method"] = Value::Null;

        let english = render(&PAYMENT_RECEIPT, Locale::En, &data).expect("rendered");
        assert!(english.text.contains("Total: ¥123,450\n"), "{}", english.text);
        assert!(!english.text.contains("tax") && !english.text.contains("Paid by"));
        let french = render(&PAYMENT_RECEIPT, Locale::Fr, &data).expect("rendered");
        assert!(french.text.contains("Total : 123\u{202f}450\u{a0}JPY"), "{}", french.text);
        data["currency"] = json!("yen");
        assert!(render(&PAYMENT_RECEIPT, Locale::En, &data).is_err());
    }
}
