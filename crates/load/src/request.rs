//! The bytes of a request, compiled once; what differs from request to request are a few holes.

use crate::{LoadError, Rows, Target};

/// What to send.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RequestSpec {
    /// The method; `None` is GET, or POST where there is a body.
    pub method: Option<String>,
    /// Headers in order, beside those that every request has.
    pub headers: Vec<(String, String)>,
    /// The body; `{column}` is filled from a row.
    pub body: Option<String>,
    /// The rows that fill holes.
    pub rows: Option<Rows>,
    /// Whether the server is asked to close the connection after its response.
    pub closes: bool,
}

/// A request whose holes are known.
#[derive(Clone, Debug)]
pub struct Template {
    /// The method, the path with its query, and the headers, for engines that frame requests themselves.
    pub(crate) method: String,
    path: Vec<Segment>,
    headers: Vec<(String, Vec<Segment>)>,
    body: Option<Vec<Segment>>,
    rows: Vec<Vec<String>>,
    /// The whole request, if it has no holes.
    constant: Option<Vec<u8>>,
}

/// A field of HTTP/2: its name and its value.
pub(crate) type Field = (Vec<u8>, Vec<u8>);

#[derive(Clone, Debug, PartialEq)]
enum Segment {
    Literal(String),
    Column(usize),
}

impl Template {
    /// Compiles a request to `target`.
    ///
    /// # Errors
    ///
    /// [`LoadError::Request`] for a method, a header or a value that would break the framing of HTTP.
    pub fn new(target: &Target, spec: &RequestSpec) -> Result<Self, LoadError> {
        let rows = spec.rows.clone().unwrap_or_default();
        let body = match &spec.body {
            Some(text) => Some(segments(text, &rows)),
            // The last column of the table is the line as it was.
            None if !rows.lines.is_empty() => Some(vec![Segment::Column(rows.columns.len())]),
            None => None,
        };
        let default = if body.is_some() { "POST" } else { "GET" };
        let method = spec.method.clone().unwrap_or_else(|| default.to_owned());
        check_method(&method)?;
        let mut headers = Vec::new();
        for (name, value) in &spec.headers {
            check_header(name, value)?;
        }
        for (name, value) in
            standard_headers(target, spec, body.is_some()).into_iter().chain(spec.headers.clone())
        {
            headers.push((name, segments(&value, &rows)));
        }
        let with_line = |(index, mut row): (usize, Vec<String>)| {
            row.extend(rows.lines.get(index).cloned());
            row
        };
        let mut template = Self {
            method,
            path: segments(&target.path, &rows),
            headers,
            body,
            rows: rows.rows.iter().cloned().enumerate().map(with_line).collect(),
            constant: None,
        };
        template.check_rows()?;
        if !template.has_holes() {
            let mut bytes = Vec::new();
            template.fill(0, &mut bytes);
            template.constant = Some(bytes);
        }
        Ok(template)
    }

    /// Returns whether requests differ.
    pub fn has_holes(&self) -> bool {
        let lists = self.headers.iter().map(|(_, value)| value).chain([&self.path]).chain(&self.body);
        lists.flatten().any(|segment| matches!(segment, Segment::Column(_)))
    }

    /// Appends request number `index` to `bytes`, framed for HTTP/1.1.
    pub fn write(&self, index: usize, bytes: &mut Vec<u8>) {
        match &self.constant {
            Some(constant) => bytes.extend_from_slice(constant),
            None => self.fill(index, bytes),
        }
    }

    /// Returns the fields of request number `index` for HTTP/2, pseudo-header fields first, and its body.
    pub(crate) fn fields(&self, index: usize, is_tls: bool) -> (Vec<Field>, Option<Vec<u8>>) {
        let row = self.row(index);
        let text = |segments: &[Segment], is_path: bool| {
            let mut bytes = Vec::new();
            join(segments, row, &mut bytes, is_path);
            bytes
        };
        let body = self.body.as_ref().map(|body| text(body, false));
        let mut fields: Vec<Field> = vec![
            (b":method".to_vec(), self.method.clone().into_bytes()),
            (b":scheme".to_vec(), if is_tls { b"https".to_vec() } else { b"http".to_vec() }),
            (b":path".to_vec(), text(&self.path, true)),
        ];
        for (name, value) in &self.headers {
            // RFC 9113, section 8: names are in lower case, and `host` has a name of its own.
            let name = name.to_ascii_lowercase();
            match name.as_str() {
                "host" => fields.insert(3, (b":authority".to_vec(), text(value, false))),
                "connection" => {}
                _ => fields.push((name.into_bytes(), text(value, false))),
            }
        }
        if let Some(body) = &body {
            fields.push((b"content-length".to_vec(), body.len().to_string().into_bytes()));
        }
        (fields, body)
    }

    /// Returns whether responses to it have no body.
    pub(crate) fn is_head(&self) -> bool {
        self.method == "HEAD"
    }

    fn row(&self, index: usize) -> &[String] {
        if self.rows.is_empty() { &[] } else { &self.rows[index % self.rows.len()] }
    }

    fn fill(&self, index: usize, bytes: &mut Vec<u8>) {
        let row = self.row(index);
        bytes.extend_from_slice(self.method.as_bytes());
        bytes.push(b' ');
        join(&self.path, row, bytes, true);
        bytes.extend_from_slice(b" HTTP/1.1\r\n");
        for (name, value) in &self.headers {
            bytes.extend_from_slice(name.as_bytes());
            bytes.extend_from_slice(b": ");
            join(value, row, bytes, false);
            bytes.extend_from_slice(b"\r\n");
        }
        let Some(body) = &self.body else { return bytes.extend_from_slice(b"\r\n") };
        let length: usize = body.iter().map(|segment| segment.text(row).len()).sum();
        bytes.extend_from_slice(format!("content-length: {length}\r\n\r\n").as_bytes());
        join(body, row, bytes, false);
    }

    /// Refuses rows whose values would end a header early.
    fn check_rows(&self) -> Result<(), LoadError> {
        let in_headers =
            self.headers.iter().flat_map(|(_, value)| value).filter_map(|segment| match segment {
                Segment::Column(column) => Some(*column),
                Segment::Literal(_) => None,
            });
        for column in in_headers {
            let bad =
                self.rows.iter().position(|row| row[column].bytes().any(|byte| byte.is_ascii_control()));
            if let Some(row) = bad {
                return Err(LoadError::Request {
                    message: format!(
                        "row {} has a line break or control byte in a value for a header",
                        row + 1
                    ),
                    hint: "send such values in the body".to_owned(),
                });
            }
        }
        Ok(())
    }
}

impl Segment {
    fn text<'a>(&'a self, row: &'a [String]) -> &'a str {
        match self {
            Self::Literal(text) => text,
            Self::Column(column) => row.get(*column).map_or("", String::as_str),
        }
    }
}

fn join(segments: &[Segment], row: &[String], bytes: &mut Vec<u8>, is_path: bool) {
    for segment in segments {
        match segment {
            Segment::Column(_) if is_path => percent_encode(segment.text(row), bytes),
            _ => bytes.extend_from_slice(segment.text(row).as_bytes()),
        }
    }
}

/// Writes all but the unreserved characters of RFC 3986 as `%XX`.
fn percent_encode(text: &str, bytes: &mut Vec<u8>) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            bytes.push(byte);
        } else {
            bytes.extend_from_slice(format!("%{byte:02X}").as_bytes());
        }
    }
}

/// Splits `text` at `{column}`; braces around anything that is not a column are text, as in JSON.
fn segments(text: &str, rows: &Rows) -> Vec<Segment> {
    let mut segments = Vec::new();
    let mut literal = String::new();
    let mut rest = text;
    while let Some(open) = rest.find('{') {
        let (before, after) = rest.split_at(open);
        literal.push_str(before);
        let column = after[1..].split_once('}').and_then(|(name, tail)| Some((rows.column(name)?, tail)));
        match column {
            Some((column, tail)) => {
                segments.push(Segment::Literal(std::mem::take(&mut literal)));
                segments.push(Segment::Column(column));
                rest = tail;
            }
            None => {
                literal.push('{');
                rest = &after[1..];
            }
        }
    }
    literal.push_str(rest);
    segments.push(Segment::Literal(literal));
    segments.retain(|segment| *segment != Segment::Literal(String::new()));
    segments
}

/// Returns the headers that every request has, unless `spec` gives its own.
fn standard_headers(target: &Target, spec: &RequestSpec, has_body: bool) -> Vec<(String, String)> {
    let mut headers = vec![
        ("host", target.authority()),
        ("user-agent", concat!("festina/", env!("CARGO_PKG_VERSION")).to_owned()),
        ("accept", "*/*".to_owned()),
    ];
    if has_body {
        let text = spec.body.as_deref().unwrap_or("{");
        let kind = if text.trim_start().starts_with(['{', '[']) { "application/json" } else { "text/plain" };
        headers.push(("content-type", kind.to_owned()));
    }
    if spec.closes {
        headers.push(("connection", "close".to_owned()));
    }
    let is_given = |name: &str| spec.headers.iter().any(|(given, _)| given.eq_ignore_ascii_case(name));
    headers
        .into_iter()
        .filter(|(name, _)| !is_given(name))
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

fn check_method(method: &str) -> Result<(), LoadError> {
    if !method.is_empty() && method.bytes().all(|byte| byte.is_ascii_uppercase()) && method != "CONNECT" {
        return Ok(());
    }
    Err(LoadError::Request {
        message: format!("'{method}' is not a method"),
        hint: "methods are words such as GET, POST, PUT, PATCH, DELETE, HEAD".to_owned(),
    })
}

fn check_header(name: &str, value: &str) -> Result<(), LoadError> {
    let error = |message: String, hint: &str| Err(LoadError::Request { message, hint: hint.to_owned() });
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if name.is_empty() || !name.bytes().all(is_token) {
        return error(format!("'{name}' is not the name of a header"), "write it as in 'Accept: text/plain'");
    }
    if value.bytes().any(|byte| byte.is_ascii_control() && byte != b'\t') {
        return error(format!("the value of the header '{name}' has a control byte"), "take it out");
    }
    if ["content-length", "transfer-encoding", "connection"].iter().any(|own| name.eq_ignore_ascii_case(own))
    {
        return error(
            format!("the header '{name}' is festina's own"),
            "leave it away: it is set as it must be",
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(path: &str, spec: &RequestSpec, index: usize) -> String {
        let target: Target = format!("http://127.0.0.1:8000{path}").parse().unwrap();
        let mut bytes = Vec::new();
        Template::new(&target, spec).unwrap().write(index, &mut bytes);
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn a_plain_request() {
        let text = written("/x?y=1", &RequestSpec::default(), 0);
        assert!(text.starts_with("GET /x?y=1 HTTP/1.1\r\nhost: 127.0.0.1:8000\r\n"), "{text}");
        assert!(text.ends_with("\r\naccept: */*\r\n\r\n"), "{text}");
    }

    #[test]
    fn holes_are_filled_row_by_row() {
        let rows = Rows::read("a.csv", "age,name\n41,Ann\n7,Bo ö\n").unwrap();
        let spec = RequestSpec {
            body: Some("{\"age\": {age}, \"more\": {}}".to_owned()),
            headers: vec![("X-Name".to_owned(), "is {name}".to_owned())],
            rows: Some(rows),
            ..RequestSpec::default()
        };
        let second = written("/p/{name}", &spec, 1);
        assert!(second.starts_with("POST /p/Bo%20%C3%B6 HTTP/1.1\r\n"), "{second}");
        assert!(second.contains("\r\nX-Name: is Bo ö\r\ncontent-length: 22\r\n\r\n"), "{second}");
        assert!(second.ends_with("{\"age\": 7, \"more\": {}}"), "{second}");
        assert!(written("/", &spec, 2).ends_with("{\"age\": 41, \"more\": {}}"));
    }

    #[test]
    fn lines_of_objects_are_bodies_as_they_are() {
        let rows = Rows::read("a.jsonl", "{\"b\":1,  \"a\":2}\n").unwrap();
        let text = written("/", &RequestSpec { rows: Some(rows), ..RequestSpec::default() }, 5);
        assert!(text.starts_with("POST "));
        assert!(
            text.ends_with("content-type: application/json\r\ncontent-length: 15\r\n\r\n{\"b\":1,  \"a\":2}"),
            "{text}"
        );
    }

    #[test]
    fn fields_of_http2_have_their_own_names() {
        let rows = Rows::read("a.csv", "x\na b\n").unwrap();
        let spec = RequestSpec {
            body: Some("{x}".to_owned()),
            headers: vec![("X-Own".to_owned(), "{x}".to_owned())],
            rows: Some(rows),
            ..RequestSpec::default()
        };
        let target: Target = "http://127.0.0.1:8000/{x}".replace("{x}", "p").parse().unwrap();
        let (fields, body) = Template::new(&target, &spec).unwrap().fields(0, false);
        let text: Vec<String> = fields
            .iter()
            .map(|(name, value)| {
                format!("{}={}", String::from_utf8_lossy(name), String::from_utf8_lossy(value))
            })
            .collect();
        assert_eq!(text[..4], [":method=POST", ":scheme=http", ":path=/p", ":authority=127.0.0.1:8000"]);
        assert!(
            text.contains(&"x-own=a b".to_owned()) && text.contains(&"content-length=3".to_owned()),
            "{text:?}"
        );
        assert_eq!(body.as_deref(), Some(b"a b".as_slice()));
    }

    #[test]
    fn own_headers_replace_standard_ones() {
        let spec =
            RequestSpec { headers: vec![("Host".to_owned(), "me".to_owned())], ..RequestSpec::default() };
        let text = written("/", &spec, 0);
        assert_eq!(text.to_lowercase().matches("host:").count(), 1);
    }

    #[test]
    fn what_breaks_the_framing_is_refused() {
        let target: Target = "http://127.0.0.1/".parse().unwrap();
        let header = |name: &str, value: &str| RequestSpec {
            headers: vec![(name.to_owned(), value.to_owned())],
            ..RequestSpec::default()
        };
        for spec in [
            header("a b", "c"),
            header("", "c"),
            header("a", "b\r\nc: d"),
            header("Content-Length", "3"),
            RequestSpec { method: Some("GET /".to_owned()), ..RequestSpec::default() },
            RequestSpec { rows: Some(Rows::read("a.csv", "x\n\"a\nb\"\n").unwrap()), ..header("a", "{x}") },
        ] {
            assert!(Template::new(&target, &spec).is_err(), "{spec:?}");
        }
    }
}
