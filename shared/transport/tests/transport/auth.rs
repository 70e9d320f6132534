//! Logging in, in every way that a server may ask for.

use std::{fs, path::PathBuf};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use nkeys::KeyPair;
use piton_transport::{Bus, BusOptions, ClientCertificate, ConnectError, Credentials, NatsAuth};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair as TlsKey};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::server::NatsServer;

/// A server of this configuration, and the folder in which its files are.
async fn server(folder: &TempDir, configuration: &str) -> NatsServer {
    let path = folder.path().join("nats.conf");
    fs::write(&path, configuration).expect("the folder is there");
    NatsServer::start_with(&["-c", path.to_str().expect("plain")]).await
}

fn auth(credentials: Credentials) -> NatsAuth {
    NatsAuth { credentials: Some(credentials), ..NatsAuth::default() }
}

/// The server answers whoever logs in so.
async fn serves(options: BusOptions) {
    let shown = format!("{options:?}");
    let bus = Bus::connect(options).await.unwrap_or_else(|error| panic!("{shown}: {error}"));
    bus.flush().await.expect("it is served");
}

/// It is refused at once, and no text shows the secret.
async fn refused(options: BusOptions) -> String {
    let error = Bus::connect(options).await.expect_err("it is refused");
    assert!(matches!(error, ConnectError::Refused { .. } | ConnectError::Options { .. }), "{error:?}");
    let shown = format!("{error} {error:?}");
    assert!(!shown.contains("hush"), "{shown}");
    shown
}

fn at(server: &NatsServer, user: &str) -> BusOptions {
    BusOptions::new(server.url().replace("://", &format!("://{user}@")), "test")
}

#[tokio::test]
async fn a_user_and_a_password_in_the_url_log_in() {
    let folder = TempDir::new().expect("a folder");
    let server = server(&folder, r#"authorization { user: "a@b", password: "p/,w" }"#).await;
    serves(at(&server, "a%40b:p%2F%2Cw")).await;
    let password = Credentials::Password { user: "a@b".to_owned(), password: "p/,w".to_owned() };
    serves(BusOptions { auth: auth(password.clone()), ..server.options() }).await;
    refused(at(&server, "a%40b:hush")).await;
    refused(server.options()).await;
    let both = refused(BusOptions { auth: auth(password), ..at(&server, "u:hush") }).await;
    assert!(both.contains("it says who this is, and so do the options"), "{both}");
}

#[tokio::test]
async fn a_token_logs_in() {
    let folder = TempDir::new().expect("a folder");
    let server = server(&folder, r#"authorization { token: "a token" }"#).await;
    serves(at(&server, "a%20token")).await;
    serves(BusOptions { auth: auth(Credentials::Token("a token".to_owned())), ..server.options() }).await;
    refused(at(&server, "hush")).await;
}

#[tokio::test]
async fn an_nkey_logs_in() {
    let (user, stranger) = (KeyPair::new_user(), KeyPair::new_user());
    let folder = TempDir::new().expect("a folder");
    let public = user.public_key();
    let server = server(&folder, &format!("authorization {{ users: [ {{ nkey: {public} }} ] }}")).await;
    let file = |name: &str, text: String| {
        let path = folder.path().join(name);
        fs::write(&path, text).expect("the folder is there");
        path
    };
    let seed = |key: &KeyPair| key.seed().expect("it was just made");
    let with = |path: PathBuf| BusOptions { auth: auth(Credentials::NKey(path)), ..server.options() };
    serves(with(file("user.nk", format!("{}\n", seed(&user))))).await;
    refused(with(file("stranger.nk", seed(&stranger)))).await;
    let none = refused(with(file("none.nk", "hush".to_owned()))).await;
    assert!(none.contains("holds no seed"), "{none}");
    let missing = refused(with(folder.path().join("missing.nk"))).await;
    assert!(missing.contains("missing.nk"), "{missing}");
}

/// A JWT as NATS signs them.
fn signed(issuer: &KeyPair, subject: &str, name: &str, nats: &Value) -> String {
    let header = json!({ "typ": "JWT", "alg": "ed25519-nkey" }).to_string();
    let claims = json!({ "jti": name, "iat": 1_700_000_000, "iss": issuer.public_key(), "name": name, "sub": subject, "nats": nats });
    let body = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims.to_string()));
    let signature = issuer.sign(body.as_bytes()).expect("it holds its seed");
    format!("{body}.{}", URL_SAFE_NO_PAD.encode(signature))
}

#[tokio::test]
async fn a_credentials_file_logs_in() {
    let (operator, account, user) = (KeyPair::new_operator(), KeyPair::new_account(), KeyPair::new_user());
    // JetStream wants an account of the server's own.
    let system = KeyPair::new_account();
    let operator_jwt =
        signed(&operator, &operator.public_key(), "operator", &json!({ "type": "operator", "version": 2 }));
    let none = json!({ "subs": -1, "data": -1, "payload": -1, "imports": -1, "exports": -1, "wildcards": true, "conn": -1, "leaf": -1 });
    let account_jwt = |key: &KeyPair, name: &str| {
        signed(&operator, &key.public_key(), name, &json!({ "type": "account", "version": 2, "limits": none }))
    };
    let user_jwt = signed(
        &account,
        &user.public_key(),
        "user",
        &json!({ "type": "user", "version": 2, "subs": -1, "data": -1, "payload": -1 }),
    );
    let folder = TempDir::new().expect("a folder");
    let preload = [(&system, "system"), (&account, "account")]
        .map(|(key, name)| format!("{}: {}\n", key.public_key(), account_jwt(key, name)));
    let configuration = format!(
        "operator: {operator_jwt}\nsystem_account: {}\nresolver: MEMORY\nresolver_preload: {{\n{}}}\n",
        system.public_key(),
        preload.concat()
    );
    let server = server(&folder, &configuration).await;
    let file = folder.path().join("user.creds");
    let seed = user.seed().expect("it was just made");
    let text = format!(
        "-----BEGIN NATS USER JWT-----\n{user_jwt}\n------END NATS USER JWT------\n\n\
         -----BEGIN USER NKEY SEED-----\n{seed}\n------END USER NKEY SEED------\n"
    );
    fs::write(&file, text).expect("the folder is there");
    serves(BusOptions { auth: auth(Credentials::File(file.clone())), ..server.options() }).await;
    refused(server.options()).await;
    fs::write(&file, "hush").expect("the folder is there");
    let wrong = refused(BusOptions { auth: auth(Credentials::File(file)), ..server.options() }).await;
    assert!(wrong.contains("credentials file"), "{wrong}");
}

#[tokio::test]
async fn certificates_prove_both_sides() {
    let folder = TempDir::new().expect("a folder");
    let file = |name: &str, text: String| {
        let path = folder.path().join(name);
        fs::write(&path, text).expect("the folder is there");
        path
    };
    let mut params = CertificateParams::new(Vec::new()).expect("no names");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(params, TlsKey::generate().expect("a key")).expect("it signs itself");
    let ca = file("ca.pem", authority.pem());
    let leaf = |name: &str, purpose: ExtendedKeyUsagePurpose| {
        let key = TlsKey::generate().expect("a key");
        let mut params = CertificateParams::new(vec!["localhost".to_owned(), "127.0.0.1".to_owned()]).expect("names");
        params.extended_key_usages = vec![purpose];
        let certificate = params.signed_by(&key, &authority).expect("it is signed");
        (file(&format!("{name}.pem"), certificate.pem()), file(&format!("{name}.key"), key.serialize_pem()))
    };
    let (certificate, key) = leaf("server", ExtendedKeyUsagePurpose::ServerAuth);
    let configuration = format!(
        "tls {{ cert_file: {certificate:?}, key_file: {key:?}, ca_file: {ca:?}, verify: true }}\nauthorization {{ user: u, password: p }}"
    );
    let server = server(&folder, &configuration).await;
    let (certificate, key) = leaf("client", ExtendedKeyUsagePurpose::ClientAuth);
    let certificate = Some(ClientCertificate { certificate, key });
    let quickly = |options: BusOptions, auth: NatsAuth| BusOptions {
        auth,
        connect_within: std::time::Duration::from_millis(300),
        ..options
    };
    let password = auth(Credentials::Password { user: "u".to_owned(), password: "p".to_owned() });
    let full = NatsAuth { ca: Some(ca.clone()), certificate: certificate.clone(), ..password.clone() };
    serves(BusOptions { auth: full, ..server.options() }).await;
    // A user in the URL goes beside them.
    let proven = NatsAuth { ca: Some(ca.clone()), certificate: certificate.clone(), ..NatsAuth::default() };
    serves(BusOptions { auth: proven.clone(), ..at(&server, "u:p") }).await;
    refused(BusOptions { auth: proven, ..at(&server, "u:hush") }).await;
    for (auth, why) in [
        (NatsAuth { ca: Some(ca.clone()), ..password.clone() }, "no certificate of the client"),
        (NatsAuth { certificate, ..password.clone() }, "a server that the system's authorities do not know"),
    ] {
        assert!(Bus::connect(quickly(server.options(), auth)).await.is_err(), "{why}");
    }
    let missing = NatsAuth { ca: Some(folder.path().join("missing.pem")), ..password.clone() };
    let missing = refused(quickly(server.options(), missing)).await;
    assert!(missing.contains("missing.pem"), "{missing}");
    let empty = NatsAuth { ca: Some(file("empty.pem", String::new())), ..password.clone() };
    let empty = refused(quickly(server.options(), empty)).await;
    assert!(empty.contains("holds nothing in PEM form"), "{empty}");

    // A server without TLS is not trusted where TLS is asked for.
    let plain = NatsServer::start().await;
    let wanted = NatsAuth { ca: Some(ca), ..NatsAuth::default() };
    assert!(Bus::connect(quickly(plain.options(), wanted)).await.is_err(), "it does not speak TLS");
}
