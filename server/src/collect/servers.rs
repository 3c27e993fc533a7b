//! The approved test points: who may be measured against, and whose evidence is believed.

use std::collections::HashMap;

use ispeed_protocol::servers::{ServerClass, ServerEntry, ServerList};
use ispeed_protocol::signing::PublicKey;
use thiserror::Error;

/// Why a server list was refused.
#[derive(Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum ServerListError {
    /// Not the JSON of a server list.
    #[error("the server list is not readable: {0}")]
    Unreadable(String),
    /// An id is not of its form.
    #[error("servers[{index}].id is {id:?}; expected 1 to 32 of a-z, 0-9 and -")]
    Id {
        /// Position in the list.
        index: usize,
        /// What it is.
        id: String,
    },
    /// Two servers share an id.
    #[error("servers[{index}].id {id:?} is taken by an earlier entry; ids must be unique")]
    Repeated {
        /// Position in the list.
        index: usize,
        /// The id.
        id: String,
    },
    /// A URL is not of its form.
    #[error("servers[{index}].url is {url:?}; expected https://host or https://host:port")]
    Url {
        /// Position in the list.
        index: usize,
        /// What it is.
        url: String,
    },
    /// A key is none.
    #[error("servers[{index}].public_key of {id:?}: {cause}")]
    Key {
        /// Position in the list.
        index: usize,
        /// Id of the server.
        id: String,
        /// What is wrong.
        cause: String,
    },
}

/// Reads the file of `--servers`.
pub fn parse_server_list(json: &[u8]) -> Result<ServerList, ServerListError> {
    let list: ServerList = serde_path_to_error::deserialize(&mut serde_json::Deserializer::from_slice(json))
        .map_err(|e| ServerListError::Unreadable(format!("{}: {}", e.path(), e.inner())))?;
    let mut ids = HashMap::new();
    for (index, server) in list.servers.iter().enumerate() {
        check_entry(index, server)?;
        if ids.insert(&server.id, index).is_some() {
            return Err(ServerListError::Repeated { index, id: server.id.clone() });
        }
    }
    Ok(list)
}

fn check_entry(index: usize, server: &ServerEntry) -> Result<(), ServerListError> {
    let id = &server.id;
    if id.is_empty() || id.len() > 32 || !id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    {
        return Err(ServerListError::Id { index, id: id.clone() });
    }
    let host = server.url.strip_prefix("https://").unwrap_or_default();
    if host.is_empty() || host.contains(['/', '?', '#', '@', ' ']) {
        return Err(ServerListError::Url { index, url: server.url.clone() });
    }
    PublicKey::parse(&server.public_key).map_err(|e| ServerListError::Key {
        index,
        id: id.clone(),
        cause: e.to_string(),
    })?;
    Ok(())
}

/// A server whose evidence is believed.
#[derive(Clone, Debug)]
pub(crate) struct Approved {
    pub(crate) class: ServerClass,
    pub(crate) keys: Vec<PublicKey>,
}

/// The list as served, and the approved servers by id.
#[derive(Clone, Debug)]
pub(crate) struct Servers {
    pub(crate) list: ServerList,
    /// The administrator's list does not name the own measuring end.
    pub(crate) adds_own: bool,
    approved: HashMap<String, Approved>,
}

impl Servers {
    /// The list of the administrator and the measuring end beside this collector. An entry of the list with the own id
    /// says how the own one is named and classed; its former keys stay good, because samples wait in outboxes.
    pub(crate) fn new(
        mut list: ServerList,
        own: ServerEntry,
        own_former_keys: &[PublicKey],
    ) -> Result<Self, ServerListError> {
        let own_id = own.id.clone();
        let own_key = own.public_key.clone();
        let adds_own = !list.servers.iter().any(|s| s.id == own_id);
        if adds_own {
            list.servers.push(own);
        }
        let mut approved = HashMap::new();
        for (index, server) in list.servers.iter().enumerate() {
            let parse = |text: &str| {
                PublicKey::parse(text).map_err(|e| ServerListError::Key {
                    index,
                    id: server.id.clone(),
                    cause: e.to_string(),
                })
            };
            let mut keys = vec![parse(&server.public_key)?];
            if server.id == own_id {
                keys.push(parse(&own_key)?);
                keys.extend_from_slice(own_former_keys);
            }
            approved.insert(server.id.clone(), Approved { class: server.class, keys });
        }
        Ok(Self { list, adds_own, approved })
    }

    pub(crate) fn approved(&self, id: &str) -> Option<&Approved> {
        self.approved.get(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ispeed_protocol::signing::SecretKey;

    fn entry(id: &str, url: &str, key: &str) -> String {
        format!(
            r#"{{"id":"{id}","name":"n","place":"p","host_network":"h","class":"vnix","url":"{url}","public_key":"{key}"}}"#
        )
    }

    #[test]
    fn a_wrong_entry_is_named() {
        let key = SecretKey::from_bytes(&[1; 32]).public().text();
        let list = |entries: &[String]| format!("{{\"servers\":[{}]}}", entries.join(","));
        let good = entry("hn-1", "https://hn.example:8443", &key);
        assert_eq!(parse_server_list(list(std::slice::from_ref(&good)).as_bytes()).unwrap().servers.len(), 1);
        for (json, expected) in [
            ("{}".to_owned(), "missing field `servers`"),
            (list(&[entry("HN", "https://a", &key)]), "servers[0].id is \"HN\""),
            (list(&[good.clone(), good.clone()]), "servers[1].id \"hn-1\" is taken"),
            (list(&[entry("a", "http://a", &key)]), "servers[0].url is \"http://a\""),
            (list(&[entry("a", "https://a/b", &key)]), "servers[0].url"),
            (list(&[entry("a", "https://a", "short")]), "servers[0].public_key of \"a\""),
            (list(&[good.replace("vnix", "moon")]), "servers[0].class"),
        ] {
            let error = parse_server_list(json.as_bytes()).unwrap_err().to_string();
            assert!(error.contains(expected), "{json}: {error}");
        }
    }
}
