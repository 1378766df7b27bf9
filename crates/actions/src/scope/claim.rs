//! The `ac` claim of a runtime token: a string that holds a JSON array.

use serde::{Deserialize, Serialize};

use super::grant::check_name;
use super::{Grant, MAX_SCOPES, Permission, ScopeError, Scopes};

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Item {
    scope: String,
    permission: i64,
}

impl Scopes {
    /// Reads the claim's text, e.g. `[{"Scope":"refs/heads/main","Permission":3}]`.
    pub fn from_ac(text: &str) -> Result<Self, ScopeError> {
        let items: Vec<Item> = serde_json::from_str(text).map_err(ScopeError::Malformed)?;
        if items.len() > MAX_SCOPES {
            return Err(ScopeError::TooMany(items.len()));
        }
        let mut grants = Vec::with_capacity(items.len());
        for Item { scope, permission } in items {
            check_name(&scope)?;
            grants.push(Grant { scope, permission: Permission::from_bits(permission) });
        }
        Ok(Self::from_grants(&grants))
    }

    /// Writes the claim's text.
    #[must_use]
    pub fn to_ac(&self) -> String {
        let item =
            |grant: Grant| serde_json::json!({ "Scope": grant.scope, "Permission": grant.permission.bits() });
        serde_json::Value::Array(self.to_grants().into_iter().map(item).collect()).to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_push_to_a_branch() {
        let ac = r#"[{"Scope":"refs/heads/main","Permission":1},{"Scope":"refs/heads/dev","Permission":3}]"#;
        let scopes = Scopes::from_ac(ac).unwrap();
        assert_eq!(scopes.write.as_deref(), Some("refs/heads/dev"));
        assert_eq!(scopes.read, ["refs/heads/dev", "refs/heads/main"]);
        assert_eq!(Scopes::from_ac(&scopes.to_ac()).unwrap(), scopes, "what is minted is read back");
    }

    #[test]
    fn a_token_without_permissions_can_do_nothing() {
        assert_eq!(Scopes::from_ac("[]").unwrap(), Scopes::default());
        assert_eq!(
            Scopes::from_ac(r#"[{"Scope":"refs/heads/x","Permission":0}]"#).unwrap(),
            Scopes::default()
        );
    }

    #[test]
    fn bad_claims_are_refused() {
        for text in ["", "null", "{}", r#"[{"Scope":"a"}]"#, r#"[{"Scope":"a","Permission":"3"}]"#] {
            assert!(matches!(Scopes::from_ac(text), Err(ScopeError::Malformed(_))), "{text}");
        }
        assert!(matches!(
            Scopes::from_ac(r#"[{"Scope":"","Permission":3}]"#),
            Err(ScopeError::Name { bytes: 0 })
        ));
        let many = vec![r#"{"Scope":"a","Permission":1}"#; MAX_SCOPES + 1].join(",");
        assert!(matches!(Scopes::from_ac(&format!("[{many}]")), Err(ScopeError::TooMany(65))));
    }
}
