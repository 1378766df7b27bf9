//! What to do next when a registry does not do something.

use super::error::RegistryError;
use crate::reference::Reference;

/// What to do next, where it can be told.
pub(super) fn hint(error: &RegistryError, reference: &Reference, plain: bool) -> Option<String> {
    match error {
        RegistryError::Tls(_) if !plain => Some(
            "if the registry speaks plain HTTP, add --plain-http; if its certificate is your own, let the system trust it".to_owned(),
        ),
        RegistryError::NoCredentials => Some(login(reference)),
        RegistryError::Token(inner) => hint(inner, reference, plain),
        RegistryError::Refused(refusal) => {
            let host = reference.host();
            let text = refusal.message.to_ascii_lowercase();
            let denied = matches!(refusal.status.as_u16(), 401 | 403) || refusal.has("DENIED");
            if host == "ghcr.io" && text.contains("write_package") {
                return Some(
                    "the package exists but is not linked to this repository: in the package's settings, under \"Manage Actions access\", add the repository with the role Write".to_owned(),
                );
            }
            if denied {
                return Some(login(reference));
            }
            if refusal.has("NAME_UNKNOWN") || text.contains("name unknown") {
                return Some(if is_ecr(host) {
                    format!(
                        "ECR makes no repository by itself: aws ecr create-repository --repository-name {}",
                        reference.repository()
                    )
                } else {
                    "the repository may have to be created at the registry first".to_owned()
                });
            }
            (refusal.status.as_u16() == 413).then(|| {
                "something before the registry takes only small bodies: raise its limit".to_owned()
            })
        }
        _ => None,
    }
}

fn login(reference: &Reference) -> String {
    match reference.host() {
        "ghcr.io" => {
            "in a GitHub job, give the step `env:` with `GITHUB_TOKEN: ${{ secrets.GITHUB_TOKEN }}` \
                      and the job `permissions:` with `packages: write`; elsewhere: docker login ghcr.io"
                .to_owned()
        }
        host if is_ecr(host) => {
            format!(
                "log in: aws ecr get-login-password | docker login --username AWS --password-stdin {host}"
            )
        }
        host => format!("log in with an account that may write there: docker login {host}"),
    }
}

/// Whether a host is of Amazon's registry.
pub(super) fn is_ecr(host: &str) -> bool {
    host.contains(".dkr.ecr.") && host.contains(".amazonaws.com")
}

#[cfg(test)]
mod tests {
    use reqwest::StatusCode;
    use reqwest::header::HeaderMap;

    use super::*;
    use crate::registry::answer::Refusal;

    fn hinted(image: &str, status: u16, code: &str, message: &str) -> String {
        let body = serde_json::json!({"errors": [{"code": code, "message": message}]}).to_string();
        let status = StatusCode::from_u16(status).unwrap();
        let error = RegistryError::Refused(Refusal::parse(status, &HeaderMap::new(), body.as_bytes()));
        hint(&error, &image.parse().unwrap(), false).unwrap_or_default()
    }

    #[test]
    fn ghcr_s_refusals_name_the_lines_to_add() {
        for status in [401, 403] {
            let said = hinted("ghcr.io/o/i", status, "DENIED", "denied");
            assert!(said.contains("GITHUB_TOKEN: ${{ secrets.GITHUB_TOKEN }}"), "{said}");
            assert!(said.contains("packages: write"), "{said}");
        }
        let said = hinted("ghcr.io/o/i", 403, "DENIED", "permission_denied: write_package");
        assert!(said.contains("linked to this repository"), "{said}");
    }

    #[test]
    fn a_repository_that_must_be_created_is_named() {
        let said = hinted("1.dkr.ecr.eu-west-1.amazonaws.com/o/i", 404, "NAME_UNKNOWN", "not there");
        assert!(said.contains("--repository-name o/i"), "{said}");
        assert_eq!(hinted("quay.io/o/i", 400, "MANIFEST_INVALID", "bad"), "");
    }
}
