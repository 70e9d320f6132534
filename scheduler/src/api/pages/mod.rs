//! Pages for people: where things are, what errors mean, the API's reference. Nothing of them comes from another host.

mod errors;
mod reference;

use axum::{
    Router,
    http::{
        HeaderValue,
        header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE},
    },
    middleware::from_fn_with_state,
    response::{IntoResponse, Response},
    routing::get,
};

use super::{
    limits::{self, Times},
    request::{Room, bounded},
    routes::Door,
};

/// What a page may load: its own style.
const POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The only addresses that are not in the document: they are read by people and not called by programs.
pub(super) fn pages(times: Times) -> Router<Door> {
    Router::new()
        .route("/", get(landing))
        .route("/errors", get(errors::all))
        .route("/errors/{code}", get(errors::one))
        .route("/reference", get(reference::moved))
        .route("/reference/", get(reference::index))
        .route("/reference/{*file}", get(reference::file))
        .route_layer(from_fn_with_state(Room::of(limits::OPEN_REQUESTS, times), bounded))
}

async fn landing() -> Response {
    let links = [
        ("/reference/", "Reference of the API, to be read and tried out"),
        ("/v1/openapi.json", "The same as an OpenAPI document, for generators of clients"),
        ("/errors", "Every error: why it happens and what to do"),
        ("/health/ready", "Whether this scheduler can do its work"),
        ("/metrics", "Its figures, for Prometheus"),
    ];
    let links = links.map(|(to, what)| format!("<li><a href=\"{to}\">{to}</a> {what}</li>")).concat();
    let version = env!("CARGO_PKG_VERSION");
    html(
        "Piton",
        &format!(
            "<p>This is a scheduler of Piton {version}: it runs Rust functions as durable workflows.</p><ul>{links}</ul>"
        ),
    )
}

/// A page: its title, and what stands below it as HTML.
fn html(title: &str, body: &str) -> Response {
    let page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width\">\n\
         <title>{title}</title>\n<style>\n{STYLE}</style>\n<h1>{title}</h1>\n{body}\n</html>\n"
    );
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
        (CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)),
    ];
    (headers, page).into_response()
}

const STYLE: &str = "\
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 44rem; margin: 3rem auto; padding: 0 1rem; }
h1 { font-size: 1.4rem; }
code { font-family: ui-monospace, monospace; }
td { padding: .15rem .8rem .15rem 0; vertical-align: top; }
li { margin: .3rem 0; }
";

/// Text as it stands in HTML; what is between backticks is code.
fn escape(text: &str) -> String {
    let safe = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;");
    let mut parts = safe.split('`');
    let mut shown = parts.next().unwrap_or_default().to_owned();
    for (index, part) in parts.enumerate() {
        shown.push_str(if index % 2 == 0 { "<code>" } else { "</code>" });
        shown.push_str(part);
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_escaped_and_code_is_set_apart() {
        assert_eq!(escape("a <b> & `GET /v1`."), "a &lt;b&gt; &amp; <code>GET /v1</code>.");
    }
}
