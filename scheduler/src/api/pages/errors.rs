//! A page for each code: where the `type` of a problem leads.

use axum::{
    extract::Path,
    http::{
        HeaderMap, HeaderValue,
        header::{ACCEPT, CONTENT_TYPE, VARY},
    },
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};

use super::{escape, html};
use crate::api::{code::Code, problem::Problem};

/// The form in which a page is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Html,
    Markdown,
    Json,
}

pub(super) async fn all(headers: HeaderMap) -> Response {
    let codes = || Code::ALL.iter().copied();
    varying(match form(&headers) {
        Form::Html => {
            let row = |code: Code| {
                format!(
                    "<tr><td><a href=\"{}\"><code>{}</code></a></td><td>{}</td><td>{}</td></tr>",
                    code.address(),
                    code.word(),
                    code.status().as_u16(),
                    escape(code.title()),
                )
            };
            html("Errors of Piton", &format!("<table>{}</table>", codes().map(row).collect::<Vec<_>>().concat()))
        }
        Form::Markdown => markdown(codes().map(written).collect::<Vec<_>>().join("\n")),
        Form::Json => axum::Json(json!({ "errors": codes().map(object).collect::<Vec<_>>() })).into_response(),
    })
}

pub(super) async fn one(headers: HeaderMap, Path(word): Path<String>) -> Response {
    let Some(code) = Code::of(&word) else {
        return Problem::new(Code::UnknownRoute, "no error has this code; /errors lists all of them").into_response();
    };
    varying(match form(&headers) {
        Form::Html => html(
            code.title(),
            &format!(
                "<p><code>{}</code>, HTTP {}</p><p>{}</p><p><a href=\"/errors\">All errors</a></p>",
                code.word(),
                code.status().as_u16(),
                escape(&code.text()),
            ),
        ),
        Form::Markdown => markdown(written(code)),
        Form::Json => axum::Json(object(code)).into_response(),
    })
}

/// The first form that the caller names and that we have; HTML when it names none.
fn form(headers: &HeaderMap) -> Form {
    let accept = headers.get(ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
    let named = accept.split(',').map(|range| range.split(';').next().unwrap_or_default().trim());
    let known = named.filter_map(|kind| match kind {
        "text/html" | "text/*" | "*/*" => Some(Form::Html),
        "text/markdown" | "text/plain" => Some(Form::Markdown),
        "application/json" | "application/problem+json" => Some(Form::Json),
        _ => None,
    });
    known.into_iter().next().unwrap_or(Form::Html)
}

fn object(code: Code) -> Value {
    json!({
        "code": code.word(),
        "status": code.status().as_u16(),
        "title": code.title(),
        "page": code.text(),
        "address": code.address(),
    })
}

fn written(code: Code) -> String {
    format!("# {}\n\n`{}`, HTTP {}\n\n{}\n", code.title(), code.word(), code.status().as_u16(), code.text())
}

fn markdown(text: String) -> Response {
    ([(CONTENT_TYPE, HeaderValue::from_static("text/markdown; charset=utf-8"))], text).into_response()
}

fn varying(mut response: Response) -> Response {
    response.headers_mut().insert(VARY, HeaderValue::from_static("accept"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_is_the_callers_choice() {
        let asked =
            |accept: &str| form(&HeaderMap::from_iter([(ACCEPT, HeaderValue::from_str(accept).expect("a header"))]));
        assert_eq!(asked("text/html,application/xhtml+xml;q=0.9,*/*;q=0.8"), Form::Html);
        assert_eq!(asked("*/*"), Form::Html);
        assert_eq!(asked("application/json"), Form::Json);
        assert_eq!(asked("text/markdown;q=1, */*"), Form::Markdown);
        assert_eq!(form(&HeaderMap::new()), Form::Html);
    }

    #[tokio::test]
    async fn each_code_has_a_page_that_says_what_to_do() {
        for code in Code::ALL {
            let page = one(HeaderMap::new(), Path(code.word().to_owned())).await;
            assert_eq!(page.status(), 200, "{}", code.word());
            let page = axum::body::to_bytes(page.into_body(), 1 << 16).await.expect("a body in memory reads");
            let page = String::from_utf8(page.into()).expect("pages are UTF-8");
            assert!(page.contains(&escape(&code.text())), "{page}");
        }
    }
}
