//! HTTP/1.1 as bytes: requests that go to a node in one piece, and the answers that come back. Pure.

use zeroize::Zeroizing;

/// The most headers that an answer of the engine has, and some more.
const MOST_HEADERS: usize = 64;
/// The head of a request, generously.
const LONGEST_HEAD: usize = 512;

/// A request of the engine's API.
pub(super) struct Request {
    pub method: &'static str,
    pub path: String,
    /// JSON; may hold a secret.
    pub body: Option<Zeroizing<Vec<u8>>>,
}

/// An answer.
pub(super) struct Response {
    pub status: u16,
    pub body: Vec<u8>,
}

/// An answer that is none, or not a whole one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Malformed {
    #[error("the answer ended too early")]
    Cut,
    #[error("the answer is not HTTP: {0}")]
    NotHttp(String),
}

/// The requests one after the other, as one connection takes them; the engine answers in their order
/// and closes the connection after the last (RFC 9112, 9.3.2).
pub(super) fn write(requests: &[Request]) -> Zeroizing<Vec<u8>> {
    let bodies: usize = requests
        .iter()
        .flat_map(|request| &request.body)
        .map(|body| body.len())
        .sum();
    // Room for all at once: what growing leaves behind would not be wiped.
    let mut bytes = Zeroizing::new(Vec::with_capacity(bodies + requests.len() * LONGEST_HEAD));
    for (at, request) in requests.iter().enumerate() {
        let body = request
            .body
            .as_ref()
            .map_or(&[][..], |body| body.as_slice());
        let is_last = at + 1 == requests.len();
        let head = format!(
            "{} {} HTTP/1.1\r\nHost: docker\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n{}\r\n",
            request.method,
            request.path,
            body.len(),
            if is_last { "Connection: close\r\n" } else { "" },
        );
        bytes.extend_from_slice(head.as_bytes());
        bytes.extend_from_slice(body);
    }
    bytes
}

/// The answers to `count` requests.
pub(super) fn read(mut bytes: &[u8], count: usize) -> Result<Vec<Response>, Malformed> {
    let mut responses = Vec::with_capacity(count);
    for _ in 0..count {
        let (response, rest) = read_one(bytes)?;
        responses.push(response);
        bytes = rest;
    }
    Ok(responses)
}

fn read_one(bytes: &[u8]) -> Result<(Response, &[u8]), Malformed> {
    let mut headers = [httparse::EMPTY_HEADER; MOST_HEADERS];
    let mut head = httparse::Response::new(&mut headers);
    let length = match head.parse(bytes).map_err(not_http)? {
        httparse::Status::Complete(length) => length,
        httparse::Status::Partial => return Err(Malformed::Cut),
    };
    let rest = bytes.get(length..).ok_or(Malformed::Cut)?;
    let status = head.code.ok_or(Malformed::Cut)?;
    let header = |name: &str| {
        let found = head
            .headers
            .iter()
            .find(|header| header.name.eq_ignore_ascii_case(name))?;
        std::str::from_utf8(found.value).ok()
    };
    let (body, rest) = if header("Transfer-Encoding").is_some_and(|value| value.contains("chunked"))
    {
        read_chunks(rest)?
    } else if let Some(length) = header("Content-Length") {
        let length: usize = length
            .trim()
            .parse()
            .map_err(|_| Malformed::NotHttp(format!("length {length:?}")))?;
        let (body, rest) = rest.split_at_checked(length).ok_or(Malformed::Cut)?;
        (body.to_vec(), rest)
    } else if matches!(status, 204 | 304) {
        (Vec::new(), rest)
    } else {
        // Until the connection's end (RFC 9112, 6.3).
        (rest.to_vec(), [].as_slice())
    };
    Ok((Response { status, body }, rest))
}

fn read_chunks(mut bytes: &[u8]) -> Result<(Vec<u8>, &[u8]), Malformed> {
    let mut body = Vec::new();
    loop {
        let parsed = httparse::parse_chunk_size(bytes)
            .map_err(|_| Malformed::NotHttp("a chunk without its size".to_owned()))?;
        let httparse::Status::Complete((head, size)) = parsed else {
            return Err(Malformed::Cut);
        };
        let size = usize::try_from(size).map_err(|_| Malformed::Cut)?;
        let rest = bytes.get(head..).ok_or(Malformed::Cut)?;
        let (chunk, rest) = rest.split_at_checked(size).ok_or(Malformed::Cut)?;
        // The engine sends no trailers: after the last chunk, too, comes an empty line.
        bytes = rest.strip_prefix(b"\r\n").ok_or(Malformed::Cut)?;
        if size == 0 {
            return Ok((body, bytes));
        }
        body.extend_from_slice(chunk);
    }
}

fn not_http(error: httparse::Error) -> Malformed {
    Malformed::NotHttp(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn get(path: &str) -> Request {
        Request {
            method: "GET",
            path: path.to_owned(),
            body: None,
        }
    }

    #[test]
    fn only_the_last_request_closes_the_connection() {
        let body = Some(Zeroizing::new(b"{}".to_vec()));
        let requests = [
            get("/info"),
            Request {
                method: "POST",
                path: "/x".to_owned(),
                body,
            },
        ];
        let text = String::from_utf8(write(&requests).to_vec()).unwrap();
        expect_test::expect![[r"
            GET /info HTTP/1.1
            Host: docker
            Content-Type: application/json
            Content-Length: 0

            POST /x HTTP/1.1
            Host: docker
            Content-Type: application/json
            Content-Length: 2
            Connection: close

            {}"]]
        .assert_eq(&text.replace("\r\n", "\n"));
    }

    #[test]
    fn bodies_of_every_kind_are_read_one_after_the_other() {
        let bytes = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok\
            HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\na\r\n0123456789\r\n0\r\n\r\n\
            HTTP/1.1 204 No Content\r\n\r\n\
            HTTP/1.1 500 Internal Server Error\r\nConnection: close\r\n\r\nto the end";
        let read = read(bytes, 4).unwrap();
        let seen: Vec<_> = read
            .iter()
            .map(|response| {
                (
                    response.status,
                    std::str::from_utf8(&response.body).unwrap(),
                )
            })
            .collect();
        assert_eq!(
            seen,
            [
                (200, "ok"),
                (200, "abc0123456789"),
                (204, ""),
                (500, "to the end")
            ]
        );
    }

    #[test]
    fn an_answer_that_is_cut_anywhere_is_no_answer() {
        let whole = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
        for length in 0..whole.len() {
            assert!(read(&whole[..length], 1).is_err(), "{length}");
        }
        let whole = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc";
        for length in 0..whole.len() {
            assert!(read(&whole[..length], 1).is_err(), "{length}");
        }
    }

    #[test]
    fn what_is_not_http_is_told() {
        assert!(matches!(
            read(b"Cannot connect", 1),
            Err(Malformed::NotHttp(_))
        ));
    }
}
