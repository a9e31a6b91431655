//! Points in `GeoJSON` (RFC 7946).

use serde_json::Value;

use crate::error::{Place, RouteError};
use crate::instance::Instance;
use crate::rule::Rule;

const HINT: &str = "a FeatureCollection of Point features, a MultiPoint or a LineString";

pub(super) fn read(name: &str, text: &str) -> Result<Instance, RouteError> {
    let value: Value = serde_json::from_str(text).map_err(|error| {
        let place = Place { line: error.line(), column: error.column() };
        RouteError::text(place, format!("the text is not JSON: {error}")).with_hint("is the file truncated?")
    })?;
    let mut points = Vec::new();
    let mut labels = Vec::new();
    collect(&value, &mut points, &mut labels)?;
    let instance = Instance::from_points(name, Rule::GreatCircle, points)?;
    if labels.iter().any(|label| !label.is_empty()) { instance.with_labels(labels) } else { Ok(instance) }
}

fn collect(value: &Value, points: &mut Vec<[f64; 3]>, labels: &mut Vec<String>) -> Result<(), RouteError> {
    match value["type"].as_str().unwrap_or("") {
        "FeatureCollection" => {
            for feature in list(&value["features"], "features")? {
                collect(feature, points, labels)?;
            }
        }
        "Feature" => {
            let before = points.len();
            if value["geometry"]["type"] != "Feature" {
                collect(&value["geometry"], points, labels)?;
            }
            if points.len() == before + 1 {
                labels[before] = label(value);
            }
        }
        "Point" => push(&value["coordinates"], points, labels)?,
        "MultiPoint" | "LineString" => {
            for position in list(&value["coordinates"], "coordinates")? {
                push(position, points, labels)?;
            }
        }
        "" => {
            return Err(RouteError::instance("a GeoJSON object has no type").with_hint(HINT));
        }
        other => {
            return Err(RouteError::instance(format!("a GeoJSON object of type '{other}' holds no cities"))
                .with_hint(HINT));
        }
    }
    Ok(())
}

fn list<'a>(value: &'a Value, what: &str) -> Result<&'a Vec<Value>, RouteError> {
    value
        .as_array()
        .ok_or_else(|| RouteError::instance(format!("the member '{what}' is not an array")).with_hint(HINT))
}

fn push(position: &Value, points: &mut Vec<[f64; 3]>, labels: &mut Vec<String>) -> Result<(), RouteError> {
    let (Some(longitude), Some(latitude)) = (position[0].as_f64(), position[1].as_f64()) else {
        let message = format!("the position of city {} is not [longitude, latitude]", points.len() + 1);
        return Err(RouteError::instance(message).with_hint("decimal degrees, the longitude first"));
    };
    points.push([latitude, longitude, 0.0]);
    labels.push(String::new());
    Ok(())
}

/// Returns the name of a feature: its property `name`, or its `id`.
fn label(feature: &Value) -> String {
    match (&feature["properties"]["name"], &feature["id"]) {
        (Value::String(name), _) => name.clone(),
        (_, Value::String(id)) => id.clone(),
        (_, Value::Number(id)) => id.to_string(),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn features_are_cities_with_their_names() {
        let text = r#"{"type": "FeatureCollection", "features": [
            {"type": "Feature", "properties": {"name": "Berlin"},
             "geometry": {"type": "Point", "coordinates": [13.405, 52.52]}},
            {"type": "Feature", "id": 7, "properties": null,
             "geometry": {"type": "Point", "coordinates": [2.3522, 48.8566]}}]}"#;
        let instance = read("t", text).unwrap();
        assert_eq!((instance.label(0), instance.label(1)), ("Berlin".into(), "7".into()));
        assert_eq!(instance.distance(0, 1) / 1000, 877);
        assert_eq!(instance.drawing().unwrap()[0], [13.405, 52.52]);
    }

    #[test]
    fn what_is_not_points_is_refused() {
        for (text, message) in [
            ("{", "line 1"),
            (r#"{"type": "Polygon", "coordinates": []}"#, "type 'Polygon'"),
            (r#"{"type": "MultiPoint", "coordinates": [[1]]}"#, "position of city 1"),
            (r#"{"type": "FeatureCollection"}"#, "'features' is not an array"),
            (r#"{"type": "MultiPoint", "coordinates": []}"#, "no cities"),
        ] {
            assert!(read("t", text).unwrap_err().to_string().contains(message), "{text}");
        }
    }
}
