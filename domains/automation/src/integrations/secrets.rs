//! The rows of secrets.

use std::collections::BTreeMap;

use atelier_entities::{
    IntegrationId, IntegrationSecretId, Timestamp, UserId, integration_secrets, integrations,
};
use atelier_foundation::key_ring::{Aad, KeyRing, KeyRingError, Sealed};
use sea_orm::{ActiveValue::Set, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QuerySelect};
use secrecy::{ExposeSecret, SecretString};

use super::{SecretInfo, kinds::oauth2_client_credentials::ACCESS_TOKEN};

/// A secret shows its end if it has at least so many characters.
const MIN_HINTED_CHARS: usize = 16;
/// The characters that are shown.
const HINT_CHARS: usize = 4;

/// What a secret of an integration is authenticated with. `type` is that of the integration and the
/// name of the field.
pub(super) struct Owned<'a> {
    pub(super) id: IntegrationId,
    pub(super) user: UserId,
    pub(super) kind: &'a str,
}

impl<'a> Owned<'a> {
    pub(super) fn of(row: &'a integrations::Model) -> Self {
        Self { id: row.id, user: row.user_id, kind: &row.kind }
    }

    fn with_aad<T>(&self, field: &str, revision: i64, with: impl FnOnce(&Aad<'_>) -> T) -> T {
        let kind = format!("{}/{field}", self.kind);
        with(&Aad { purpose: "credential", id: self.id.0, owner: self.user.0, kind: &kind, revision })
    }

    /// The row of a secret, sealed for a revision.
    pub(super) fn seal(
        &self,
        ring: &KeyRing,
        new: NewSecret<'_>,
        now: Timestamp,
    ) -> Result<integration_secrets::ActiveModel, KeyRingError> {
        let NewSecret { field, revision, value, expires_at } = new;
        let sealed = self.with_aad(field, revision, |aad| ring.seal(aad, value))?;
        Ok(integration_secrets::ActiveModel {
            id: Set(IntegrationSecretId::new()),
            integration_id: Set(self.id),
            field: Set(field.to_owned()),
            key_id: Set(ring.writing_key()?.to_owned()),
            sealed: Set(sealed.into_stored()),
            revision: Set(revision),
            hint: Set(hint(value).filter(|_| expires_at.is_none())),
            expires_at: Set(expires_at),
            updated_at: Set(now),
        })
    }

    /// The value of a row.
    pub(super) fn open(
        &self,
        ring: &KeyRing,
        row: &integration_secrets::Model,
    ) -> Result<SecretString, KeyRingError> {
        let sealed = Sealed::from_stored(row.sealed.clone());
        self.with_aad(&row.field, row.revision, |aad| ring.open(aad, &sealed))
    }
}

/// A secret to be sealed.
pub(super) struct NewSecret<'a> {
    pub(super) field: &'a str,
    pub(super) revision: i64,
    pub(super) value: &'a SecretString,
    pub(super) expires_at: Option<Timestamp>,
}

/// The end of a secret, if it is long enough that its end tells nothing.
fn hint(value: &SecretString) -> Option<String> {
    let value = value.expose_secret();
    let length = value.chars().count();
    let end = || value.chars().skip(length - HINT_CHARS).collect::<String>();
    (length >= MIN_HINTED_CHARS).then(|| format!("…{}", end()))
}

/// What may be known of the secrets of these integrations, in one statement.
pub(super) async fn list_infos(
    db: &impl ConnectionTrait,
    ids: impl IntoIterator<Item = IntegrationId>,
) -> Result<BTreeMap<IntegrationId, BTreeMap<String, SecretInfo>>, DbErr> {
    use integration_secrets::Column;
    let rows: Vec<(IntegrationId, String, Option<String>, Timestamp)> = integration_secrets::Entity::find()
        .select_only()
        .columns([Column::IntegrationId, Column::Field, Column::Hint, Column::UpdatedAt])
        .filter(Column::IntegrationId.is_in(ids))
        .filter(Column::Field.ne(ACCESS_TOKEN))
        .into_tuple()
        .all(db)
        .await?;
    let mut found: BTreeMap<_, BTreeMap<_, _>> = BTreeMap::new();
    for (id, field, hint, updated_at) in rows {
        found.entry(id).or_default().insert(field, SecretInfo { hint, updated_at });
    }
    Ok(found)
}

/// Deletes secrets of an integration by their names.
pub(super) async fn delete(
    db: &impl ConnectionTrait,
    id: IntegrationId,
    fields: impl IntoIterator<Item = &str>,
) -> Result<(), DbErr> {
    use integration_secrets::Column;
    integration_secrets::Entity::delete_many()
        .filter(Column::IntegrationId.eq(id))
        .filter(Column::Field.is_in(fields))
        .exec(db)
        .await
        .map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_end_of_a_long_secret_is_shown() {
        for (value, expected) in [
            ("", None),
            ("fifteen-letters", None),
            ("sixteen-letters!", Some("…ers!")),
            ("sk-live-0123456789-4F2a", Some("…4F2a")),
        ] {
            assert_eq!(hint(&SecretString::from(value)).as_deref(), expected, "{value}");
        }
    }
}
