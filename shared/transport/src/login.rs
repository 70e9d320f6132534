//! Logging in to NATS: the files are read once, before the first try, so that a wrong one is named and not retried.

use std::path::{Path, PathBuf};

use async_nats::{ConnectOptions, rustls::crypto};

use crate::{
    auth::{ClientCertificate, Credentials, NatsAuth},
    error::ConnectError,
};

/// What a connection logs in with: secrets in memory, files that were there.
pub(crate) struct Login {
    proof: Proof,
    ca: Option<PathBuf>,
    certificate: Option<ClientCertificate>,
}

enum Proof {
    None,
    Token(String),
    Password { user: String, password: String },
    NKey(String),
    Credentials(String),
}

impl Login {
    pub(crate) async fn of(auth: &NatsAuth, in_url: Option<Credentials>) -> Result<Self, ConnectError> {
        let credentials = match (&auth.credentials, in_url) {
            (Some(_), Some(_)) => {
                let reason = "it says who this is, and so do the options: take the user or token out of one".to_owned();
                return Err(ConnectError::Options { what: "the URL", reason });
            }
            (set, in_url) => set.clone().or(in_url),
        };
        let proof = match credentials {
            None => Proof::None,
            Some(Credentials::Token(token)) => Proof::Token(token),
            Some(Credentials::Password { user, password }) => Proof::Password { user, password },
            Some(Credentials::NKey(path)) => Proof::NKey(seed(&path).await?),
            Some(Credentials::File(path)) => Proof::Credentials(read("the credentials file", &path).await?),
        };
        for (what, path) in [
            ("the file of certificate authorities", &auth.ca),
            ("the client certificate", &auth.certificate.as_ref().map(|files| files.certificate.clone())),
            ("the key of the client certificate", &auth.certificate.as_ref().map(|files| files.key.clone())),
        ] {
            let Some(path) = path else { continue };
            if !read(what, path).await?.contains("-----BEGIN ") {
                let reason = format!("{} holds nothing in PEM form", path.display());
                return Err(ConnectError::Options { what, reason });
            }
        }
        Ok(Self { proof, ca: auth.ca.clone(), certificate: auth.certificate.clone() })
    }

    pub(crate) fn apply(&self, connect: ConnectOptions) -> Result<ConnectOptions, (&'static str, String)> {
        // A program around this one may bring a second implementation of TLS, and then none is chosen by itself.
        if crypto::CryptoProvider::get_default().is_none() {
            // Somebody else was quicker: theirs will do.
            drop(crypto::ring::default_provider().install_default());
        }
        let mut connect = match &self.proof {
            Proof::None => connect,
            Proof::Token(token) => connect.token(token.clone()),
            Proof::Password { user, password } => connect.user_and_password(user.clone(), password.clone()),
            Proof::NKey(seed) => connect.nkey(seed.clone()),
            Proof::Credentials(text) => {
                connect.credentials(text).map_err(|error| ("the credentials file", error.to_string()))?
            }
        };
        if let Some(ca) = &self.ca {
            connect = connect.add_root_certificates(ca.clone()).require_tls(true);
        }
        if let Some(ClientCertificate { certificate, key }) = &self.certificate {
            connect = connect.add_client_certificate(certificate.clone(), key.clone()).require_tls(true);
        }
        Ok(connect)
    }
}

async fn read(what: &'static str, path: &Path) -> Result<String, ConnectError> {
    tokio::fs::read_to_string(path)
        .await
        .map_err(|error| ConnectError::Options { what, reason: format!("failed to read {}: {error}", path.display()) })
}

/// The seed in a file: its line that begins with `SU`, as `nk -gen user` writes it.
async fn seed(path: &Path) -> Result<String, ConnectError> {
    let what = "the file of the NKey";
    let text = read(what, path).await?;
    let seed = text.lines().map(str::trim).find(|line| line.starts_with("SU"));
    seed.map(str::to_owned).ok_or_else(|| ConnectError::Options {
        what,
        reason: format!("{} holds no seed of a user, which begins with `SU`", path.display()),
    })
}
