//! Pages that name the next one: in the answer, and in a `Link` header for those who follow these (RFC 8288).

use axum::{
    http::{HeaderValue, header::LINK},
    response::{IntoResponse, Response},
};

/// A page, and the address of the next; none on the last.
pub(super) fn page(view: &impl serde::Serialize, next: Option<&str>) -> Response {
    let mut response = axum::Json(view).into_response();
    let link = next.and_then(|next| HeaderValue::from_str(&format!("<{next}>; rel=\"next\"")).ok());
    if let Some(link) = link {
        response.headers_mut().insert(LINK, link);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_last_page_has_no_link() {
        let link =
            |next| page(&(), next).headers().get(LINK).and_then(|link| link.to_str().ok()).map(ToOwned::to_owned);
        assert_eq!(link(Some("/v1/runs?cursor=a%20b")).as_deref(), Some("</v1/runs?cursor=a%20b>; rel=\"next\""));
        assert_eq!(link(None), None);
    }
}
