//! One call: its command and its parameters, read as what they have to be.

use std::collections::BTreeMap;

use ipnet::Ipv4Net;
use serde_json::Value;
use uuid::Uuid;

use crate::accounts::Caller;
use crate::faults::Fault;
use crate::refusal::Refusal;

/// How a call was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Method {
    Get,
    Post,
}

/// A call whose signature was right.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    /// In lower case.
    pub(crate) command: String,
    pub(crate) method: Method,
    pub(crate) caller: Caller,
    /// By name in lower case.
    pub(crate) parameters: BTreeMap<String, String>,
    /// What is to go wrong with the job that it begins.
    pub(crate) fault: Option<Fault>,
}

impl Call {
    fn invalid(&self, name: &str, value: &str) -> Refusal {
        Refusal::parameter(format!(
            "Unable to execute API command {} due to invalid value. Invalid parameter {name} value={value} due to \
             incorrect long value format, or entity does not exist or due to incorrect parameter annotation for the \
             field in api cmd class.",
            self.command
        ))
    }

    /// A parameter that is not empty.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        let value = self.parameters.get(name)?;
        (!value.is_empty()).then_some(value)
    }

    /// One that there has to be.
    pub(crate) fn required(&self, name: &str) -> Result<&str, Refusal> {
        self.text(name).ok_or_else(|| {
            Refusal::parameter(format!(
                "Unable to execute API command {} due to missing parameter {name}",
                self.command
            ))
        })
    }

    pub(crate) fn id(&self, name: &str) -> Result<Option<Uuid>, Refusal> {
        let Some(value) = self.text(name) else {
            return Ok(None);
        };
        // -1 is "all" for projects, and is asked for before.
        Uuid::parse_str(value)
            .map(Some)
            .map_err(|_| self.invalid(name, value))
    }

    pub(crate) fn required_id(&self, name: &str) -> Result<Uuid, Refusal> {
        self.required(name)?;
        self.id(name)?
            .ok_or_else(|| self.invalid(name, "of no entity"))
    }

    /// That no entity of the kind in question has that id, nor ever had.
    pub(crate) fn no_entity(&self, name: &str, id: Uuid) -> Refusal {
        self.invalid(name, &id.to_string())
    }

    pub(crate) fn ids(&self, name: &str) -> Result<Vec<Uuid>, Refusal> {
        self.list(name)
            .map(|value| Uuid::parse_str(value).map_err(|_| self.invalid(name, value)))
            .collect()
    }

    /// The parts of a parameter that are separated by commas.
    pub(crate) fn list(&self, name: &str) -> impl Iterator<Item = &str> {
        let value = self.text(name).unwrap_or_default();
        value
            .split(',')
            .map(str::trim)
            .filter(|part| !part.is_empty())
    }

    pub(crate) fn flag(&self, name: &str) -> Result<Option<bool>, Refusal> {
        match self.text(name) {
            None => Ok(None),
            Some(value) if value.eq_ignore_ascii_case("true") => Ok(Some(true)),
            Some(value) if value.eq_ignore_ascii_case("false") => Ok(Some(false)),
            Some(value) => Err(self.invalid(name, value)),
        }
    }

    pub(crate) fn number(&self, name: &str) -> Result<Option<i64>, Refusal> {
        let Some(value) = self.text(name) else {
            return Ok(None);
        };
        value
            .parse()
            .map(Some)
            .map_err(|_| self.invalid(name, value))
    }

    /// A port that there has to be.
    pub(crate) fn port(&self, name: &str) -> Result<u16, Refusal> {
        let value = self.required(name)?;
        let port = value.parse().map_err(|_| self.invalid(name, value))?;
        if port == 0 {
            return Err(Refusal::parameter(format!(
                "publicPort is an invalid value: {port}"
            )));
        }
        Ok(port)
    }

    /// One that may be left out.
    pub(crate) fn optional_port(&self, name: &str) -> Result<Option<u16>, Refusal> {
        self.text(name).map(|_| self.port(name)).transpose()
    }

    /// Networks of addresses, in CIDR notation.
    pub(crate) fn cidrs(&self, name: &str) -> Result<Vec<Ipv4Net>, Refusal> {
        self.list(name)
            .map(|value| {
                value.parse().map_err(|_| {
                    Refusal::parameter(format!("Source cidrs formatting error {value}"))
                })
            })
            .collect()
    }

    /// `tags[0].key=a&tags[0].value=b`: pairs in the order of their numbers.
    pub(crate) fn pairs(&self, name: &str) -> Result<Vec<(String, Option<String>)>, Refusal> {
        let mut found: BTreeMap<u32, (Option<String>, Option<String>)> = BTreeMap::new();
        for (number, field, value) in self.numbered(name)? {
            let pair = found.entry(number).or_default();
            match field {
                "key" => pair.0 = Some(value.to_owned()),
                "value" => pair.1 = Some(value.to_owned()),
                _ => return Err(self.invalid(name, field)),
            }
        }
        found
            .into_values()
            .map(|(key, value)| {
                let key = key.ok_or_else(|| self.invalid(name, "without a key"))?;
                Ok((key, value))
            })
            .collect()
    }

    /// `details[0].a=b&details[0].c=d`: all the fields.
    pub(crate) fn fields(&self, name: &str) -> Result<BTreeMap<String, String>, Refusal> {
        let fields = self.numbered(name)?.into_iter();
        Ok(fields
            .map(|(_, field, value)| (field.to_owned(), value.to_owned()))
            .collect())
    }

    fn numbered(&self, name: &str) -> Result<Vec<(u32, &str, &str)>, Refusal> {
        let mut found = Vec::new();
        for (parameter, value) in &self.parameters {
            let Some(rest) = parameter
                .strip_prefix(name)
                .and_then(|rest| rest.strip_prefix('['))
            else {
                continue;
            };
            let parts = rest.split_once("].");
            let number = parts.and_then(|(number, field)| Some((number.parse().ok()?, field)));
            let (number, field) = number.ok_or_else(|| {
                Refusal::new(
                    crate::refusal::Code::MALFORMED,
                    format!("{parameter} is not {name}[number].field"),
                )
            })?;
            found.push((number, field, value.as_str()));
        }
        Ok(found)
    }

    /// The part of a list that the call asks for: `name` is what the objects are called in the reply.
    pub(crate) fn page(
        &self,
        name: &str,
        objects: Vec<Value>,
        largest: usize,
    ) -> Result<Value, Refusal> {
        let count = objects.len();
        let (page, size) = (self.number("page")?, self.number("pagesize")?);
        let (first, most) = match (page, size) {
            (None, None) => (0, largest),
            (Some(page), Some(size)) => {
                let (Ok(page), Ok(size)) = (usize::try_from(page), usize::try_from(size)) else {
                    return Err(self.invalid("page", "less than nothing"));
                };
                if size > largest {
                    return Err(Refusal::parameter(format!(
                        "Page size can not exceed max page size value: {largest}"
                    )));
                }
                (page.saturating_sub(1) * size, size)
            }
            _ => {
                return Err(Refusal::parameter(
                    "\"page\" and \"pagesize\" parameters must be specified together",
                ));
            }
        };
        let mut reply = serde_json::Map::new();
        if count > 0 {
            reply.insert("count".to_owned(), count.into());
        }
        let objects: Vec<Value> = objects.into_iter().skip(first).take(most).collect();
        if !objects.is_empty() {
            reply.insert(name.to_owned(), objects.into());
        }
        Ok(reply.into())
    }
}
