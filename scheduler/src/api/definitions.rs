//! What workers say of their workflows and functions: `/v1/definitions`.

use axum::{
    Extension,
    extract::{FromRequestParts, Path, State},
    http::request::Parts,
};
use piton_shared::{limits::DEFINITION_BUILDS, message::define::DefinitionKind};

use super::{
    access::Caller,
    code::Code,
    definition_view::{DefinitionDetailView, DefinitionView, DefinitionsView},
    document::{DefinitionInPath, Page, shapes},
    limits,
    problem::Problem,
    query::Parameters,
    routes::Door,
    runs::escape,
};
use crate::store::DefinitionCursor;

/// List definitions
///
/// The workflows and functions that workers of the org have presented, by kind and name, each as the build that counts has it.
#[utoipa::path(
    get, path = "/v1/definitions", operation_id = "list_definitions", tag = "Definitions",
    params(
        ("kind" = Option<shapes::DefinitionKind>, Query, description = "Only workflows, or only functions."),
        Page::<{ limits::DEFINITIONS_PAGE_MAX }>,
    ),
    responses((status = 200, description = "A page of definitions", body = DefinitionsView)),
)]
pub(super) async fn list(
    State(door): State<Door>,
    Extension(Caller { org }): Extension<Caller>,
    mut parameters: Parameters,
) -> Result<axum::Json<DefinitionsView>, Problem> {
    let kind =
        parameters.checked("kind", |word| DefinitionKind::parse(&word).ok_or("must be `workflow` or `function`"))?;
    let after = parameters.checked("cursor", |text| cursor(&text))?;
    let limit = parameters.limit(limits::DEFINITIONS_PAGE_MAX)?;
    parameters.finish()?;
    let rows = i64::from(limit) + 1;
    let list = door.list(&org).await?;
    let mut rows = door.in_time(list.store().definitions_list(&org, kind, after.as_ref(), rows)).await?;
    let more = rows.len() > limit as usize;
    rows.truncate(limit as usize);
    let next_cursor = rows.last().filter(|_| more).map(|row| format!("{}:{}", row.kind.as_str(), row.name));
    let next = next_cursor.as_deref().map(|cursor| next_page(kind, limit, cursor));
    let definitions = rows.into_iter().map(DefinitionView::from).collect();
    Ok(axum::Json(DefinitionsView { definitions, next_cursor, next }))
}

/// Look at a definition
///
/// The schemas of its input and its result, its inputs one by one, what starts it, and the builds that have it.
#[utoipa::path(
    get, path = "/v1/definitions/{kind}/{name}", operation_id = "get_definition", tag = "Definitions",
    params(DefinitionInPath),
    responses(
        (status = 200, description = "The definition", body = DefinitionDetailView),
        (status = 404, description = "unknown_definition"),
    ),
)]
pub(super) async fn get(
    State(door): State<Door>,
    Extension(Caller { org }): Extension<Caller>,
    Named { kind, name }: Named,
    parameters: Parameters,
) -> Result<axum::Json<DefinitionDetailView>, Problem> {
    parameters.finish()?;
    let unknown = || {
        Problem::new(
            Code::UnknownDefinition,
            format!(
                "no worker of your org has presented a {} `{}`; `GET /v1/definitions` lists those that are known",
                kind.map_or("definition", DefinitionKind::as_str),
                name.chars().take(128).collect::<String>()
            ),
        )
    };
    let Some(known) = kind else {
        return Err(unknown());
    };
    let builds = door.engine.store().definition_builds(&org, known, &name, DEFINITION_BUILDS);
    let builds = door.in_time(builds).await?;
    DefinitionDetailView::of(known, name.clone(), builds).map(axum::Json).ok_or_else(unknown)
}

/// A definition in the path. A word that is no kind is the kind of nothing.
#[derive(Debug)]
pub(super) struct Named {
    kind: Option<DefinitionKind>,
    name: String,
}

impl<S: Send + Sync> FromRequestParts<S> for Named {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let path = Path::<(String, String)>::from_request_parts(parts, state).await;
        let (kind, name) = path.map(|Path(path)| path).unwrap_or_default();
        Ok(Self { kind: DefinitionKind::parse(&kind), name })
    }
}

fn cursor(text: &str) -> Result<DefinitionCursor, &'static str> {
    let wrong = "is no cursor of this list; take it from `next_cursor` unchanged";
    let (kind, name) = text.split_once(':').ok_or(wrong)?;
    piton_shared::name::check_definition(name).map_err(|_| wrong)?;
    Ok((DefinitionKind::parse(kind).ok_or(wrong)?, name.to_owned()))
}

fn next_page(kind: Option<DefinitionKind>, limit: u32, cursor: &str) -> String {
    let kind = kind.map(|kind| format!("&kind={}", kind.as_str())).unwrap_or_default();
    format!("/v1/definitions?limit={limit}&cursor={}{kind}", escape(cursor))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_are_those_we_gave() {
        assert_eq!(cursor("workflow:a.b"), Ok((DefinitionKind::Workflow, "a.b".to_owned())));
        for bad in ["", "workflow", "workflow:", "x:a", "workflow:a/b", "workflow:ü"] {
            assert!(cursor(bad).is_err(), "{bad}");
        }
        let next = next_page(Some(DefinitionKind::Function), 7, "function:a");
        assert_eq!(next, "/v1/definitions?limit=7&cursor=function%3Aa&kind=function");
    }
}
