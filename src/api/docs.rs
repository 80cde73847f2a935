//! The API for people: `/api/docs`, written from the OpenAPI description, and a page for each kind of problem.
//! Plain HTML and one style sheet of this server; no script and nothing from elsewhere.

use std::fmt::Write;

use axum::extract::Path;
use axum::http::header;
use axum::response::{Html, IntoResponse, Response};
use serde_json::Value;

use super::openapi::openapi;
use super::problem::{Problem, ProblemType};

pub(super) async fn page() -> Result<Html<String>, Problem> {
    let described = serde_json::to_value(openapi()).map_err(Problem::internal)?;
    Ok(Html(api_page(&described)))
}

pub(super) async fn style() -> Response {
    let headers = [(header::CONTENT_TYPE, "text/css; charset=utf-8"), (header::CACHE_CONTROL, "no-cache")];
    (headers, include_str!("docs.css")).into_response()
}

/// What a problem's `type` points to.
pub(super) async fn problem(Path(name): Path<String>) -> Result<Html<String>, Problem> {
    let kind = ProblemType::ALL.iter().find(|kind| kind.name() == name);
    let kind = kind.ok_or_else(|| Problem::new(ProblemType::NotFound, format!("there is no problem {name}")))?;
    let (title, status, meaning) = (escaped(kind.title()), kind.status(), escaped(kind.meaning()));
    Ok(Html(framed(kind.title(), &format!("<h1>{title}</h1><p><code>{status}</code></p><p>{meaning}</p>"))))
}

fn api_page(described: &Value) -> String {
    let mut html = String::new();
    let info = &described["info"];
    let _ = write!(html, "<h1>{} {}</h1>", text(&info["title"]), text(&info["version"]));
    let _ = write!(html, "<p>{}</p>", text(&info["description"]));
    html += "<p>For machines: <a href=\"/api/v1/openapi.json\">openapi.json</a></p>";
    for tag in described["tags"].as_array().into_iter().flatten() {
        let _ = write!(html, "<h2>{}</h2><p>{}</p>", text(&tag["name"]), text(&tag["description"]));
        for (path, calls) in entries(&described["paths"]) {
            let tagged = entries(calls).filter(|(_, call)| call["tags"][0] == tag["name"]);
            for (method, call) in tagged {
                html += &call_section(method, path, call);
            }
        }
    }
    html += "<h2>Types</h2>";
    for (name, schema) in entries(&described["components"]["schemas"]) {
        html += &type_section(name, schema);
    }
    html += "<h2>Problems</h2><table>";
    for kind in ProblemType::ALL {
        let (name, status, meaning) = (kind.name(), kind.status().as_u16(), escaped(kind.meaning()));
        let _ = write!(html, "<tr><td><a href=\"/problems/{name}\">{name}</a><td>{status}<td>{meaning}");
    }
    html += "</table>";
    framed("Plenary API", &html)
}

fn call_section(method: &str, path: &str, call: &Value) -> String {
    let mut html = format!(
        "<details><summary><code>{} {}</code> {}</summary>",
        method.to_uppercase(),
        escaped(path),
        text(&call["summary"])
    );
    let _ = write!(html, "<p>{}</p><table>", text(&call["description"]));
    for parameter in call["parameters"].as_array().into_iter().flatten() {
        let (name, place) = (text(&parameter["name"]), text(&parameter["in"]));
        let _ = write!(html, "<tr><td>{name} ({place})<td>{}<td>", type_of(&parameter["schema"]));
        html += &text(&parameter["description"]);
    }
    if let Some(schema) = schema_of(&call["requestBody"]) {
        let _ = write!(html, "<tr><td>body<td>{}<td>{}", type_of(schema), text(&call["requestBody"]["description"]));
    }
    for (status, response) in entries(&call["responses"]) {
        let status = if status == "default" { "refused" } else { status };
        let shape = schema_of(response).map(type_of).unwrap_or_default();
        let _ = write!(html, "<tr><td>{}<td>{shape}<td>{}", escaped(status), text(&response["description"]));
    }
    html + "</table></details>"
}

fn type_section(name: &str, schema: &Value) -> String {
    let name = escaped(name);
    let mut html =
        format!("<details id=\"{name}\"><summary>{name}</summary><p>{}</p><table>", text(&schema["description"]));
    let parts = ["allOf", "oneOf"].iter().flat_map(|key| schema[*key].as_array().into_iter().flatten());
    for part in std::iter::once(schema).chain(parts) {
        let required = part["required"].as_array().cloned().unwrap_or_default();
        for (field, shape) in entries(&part["properties"]) {
            let needed = if required.iter().any(|name| name == field) { "" } else { " (optional)" };
            let _ = write!(html, "<tr><td>{}{needed}<td>{}<td>", escaped(field), type_of(shape));
            html += &text(&shape["description"]);
        }
        if part.get("properties").is_none() {
            let _ = write!(html, "<tr><td><td>{}<td>{}", type_of(part), text(&part["description"]));
        }
    }
    html + "</table></details>"
}

fn schema_of(carrier: &Value) -> Option<&Value> {
    entries(&carrier["content"]).next().map(|(_, media)| &media["schema"])
}

/// A type in a few words, with links to the named ones.
fn type_of(schema: &Value) -> String {
    if let Some(reference) = schema["$ref"].as_str() {
        let name = escaped(reference.rsplit('/').next().unwrap_or(reference));
        return format!("<a href=\"#{name}\">{name}</a>");
    }
    if let Some(values) = schema["enum"].as_array() {
        return values.iter().map(|value| format!("<code>{}</code>", text(value))).collect::<Vec<_>>().join(" ");
    }
    for key in ["oneOf", "anyOf", "allOf"] {
        if let Some(choices) = schema[key].as_array() {
            return choices.iter().map(type_of).collect::<Vec<_>>().join(" or ");
        }
    }
    let named = |name: &Value| match name.as_str() {
        Some("array") => format!("list of {}", type_of(&schema["items"])),
        Some(name) => escaped(name),
        None => String::new(),
    };
    match &schema["type"] {
        Value::Array(names) => names.iter().map(named).collect::<Vec<_>>().join(" or "),
        name => named(name),
    }
}

fn entries(object: &Value) -> impl Iterator<Item = (&str, &Value)> {
    object.as_object().into_iter().flatten().map(|(name, value)| (name.as_str(), value))
}

fn text(value: &Value) -> String {
    escaped(value.as_str().unwrap_or(""))
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

fn framed(title: &str, body: &str) -> String {
    let title = escaped(title);
    format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <title>{title}</title><link rel=\"stylesheet\" href=\"/api/docs/docs.css\"><main>{body}</main></html>"
    )
}
