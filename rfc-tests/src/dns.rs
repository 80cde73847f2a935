//! A name server for tests: a zone of few records, over UDP and TCP, and what it was asked.
//!
//! RFC 1035; an answer longer than the asker takes by UDP is cut (TC), and comes whole by TCP.

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

#[derive(Clone, Debug)]
pub enum Record {
    Address(IpAddr),
    /// Priority, weight, port, target.
    Srv(u16, u16, u16, String),
    /// Order, service, replacement.
    Naptr(u16, &'static str, String),
    /// Nobody answers for this name.
    Silence,
}

#[derive(Clone, Debug, Default)]
pub struct Zone(Vec<(String, Record)>);

impl Zone {
    pub fn with(mut self, name: &str, record: Record) -> Self {
        self.0.push((name.to_ascii_lowercase(), record));
        self
    }
}

/// Lives as long as the test's process.
#[derive(Debug)]
pub struct NameServer {
    pub address: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
}

impl NameServer {
    pub fn start(zone: Zone) -> anyhow::Result<Self> {
        // Both at one port: whoever takes it by UDP may have lost it by TCP to another test.
        let (udp, tcp) = (0..20)
            .find_map(|_| {
                let udp = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).ok()?;
                let tcp = TcpListener::bind(udp.local_addr().ok()?).ok()?;
                Some((udp, tcp))
            })
            .ok_or_else(|| anyhow::anyhow!("no port is free by UDP and TCP"))?;
        let address = udp.local_addr()?;
        let asked = Arc::<Mutex<Vec<String>>>::default();
        let (zone, note) = (Arc::new(zone), Arc::clone(&asked));
        let of_tcp = (Arc::clone(&zone), Arc::clone(&asked));
        thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok((count, from)) = udp.recv_from(&mut buffer) {
                if let Some(answer) = answer(&buffer[..count], &zone, &note, true) {
                    let _ = udp.send_to(&answer, from);
                }
            }
        });
        thread::spawn(move || {
            let (zone, note) = of_tcp;
            for stream in tcp.incoming() {
                let Ok(mut stream) = stream else { return };
                let mut length = [0; 2];
                while stream.read_exact(&mut length).is_ok() {
                    let mut query = vec![0; usize::from(u16::from_be_bytes(length))];
                    if stream.read_exact(&mut query).is_err() {
                        break;
                    }
                    let Some(answer) = answer(&query, &zone, &note, false) else { continue };
                    let length = u16::try_from(answer.len()).unwrap_or(u16::MAX);
                    let _ = stream.write_all(&[&length.to_be_bytes()[..], &answer].concat());
                }
            }
        });
        Ok(Self { address, asked })
    }

    /// `udp NAPTR example.com`, in the order asked.
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn answer(query: &[u8], zone: &Zone, note: &Mutex<Vec<String>>, udp: bool) -> Option<Vec<u8>> {
    let mut at = 12;
    let mut labels = Vec::new();
    while *query.get(at)? > 0 {
        let length = usize::from(*query.get(at)?);
        labels.push(String::from_utf8_lossy(query.get(at + 1..at + 1 + length)?).to_ascii_lowercase());
        at += 1 + length;
    }
    let kind = u16::from_be_bytes(query.get(at + 1..at + 3)?.try_into().ok()?);
    let question = query.get(12..at + 5)?;
    let name = labels.join(".");
    let kind_name = match kind {
        1 => "A",
        28 => "AAAA",
        33 => "SRV",
        35 => "NAPTR",
        _ => "OTHER",
    };
    let way = if udp { "udp" } else { "tcp" };
    note.lock().unwrap_or_else(PoisonError::into_inner).push(format!("{way} {kind_name} {name}"));

    let of_name: Vec<_> = zone.0.iter().filter(|(of, _)| *of == name).map(|(_, record)| record).collect();
    if of_name.iter().any(|record| matches!(record, Record::Silence)) {
        return None;
    }
    let found: Vec<_> = of_name.iter().filter_map(|record| data(record, kind)).collect();
    let mut records = Vec::new();
    for data in &found {
        records.extend([0xc0, 12]);
        records.extend(kind.to_be_bytes());
        records.extend([0, 1, 0, 0, 0, 60]);
        records.extend(u16::try_from(data.len()).ok()?.to_be_bytes());
        records.extend(data);
    }
    // What the asker takes by UDP stands in its OPT record; 512 without one.
    let opt = query.get(at + 5..).filter(|rest| rest.len() >= 11 && rest[..3] == [0, 0, 41]);
    let longest = opt.map_or(512, |opt| usize::from(u16::from_be_bytes([opt[3], opt[4]])));
    let cut = udp && 12 + question.len() + records.len() > longest;
    let status = if of_name.is_empty() { 3 } else { 0 };
    let mut answer = query.get(..2)?.to_vec();
    answer.extend([0x85 | if cut { 2 } else { 0 }, 0x80 | status, 0, 1]);
    answer.extend(if cut { [0, 0] } else { u16::try_from(found.len()).ok()?.to_be_bytes() });
    answer.extend([0; 4]);
    answer.extend(question);
    if !cut {
        answer.extend(records);
    }
    Some(answer)
}

fn data(record: &Record, kind: u16) -> Option<Vec<u8>> {
    let mut data = Vec::new();
    match (record, kind) {
        (Record::Address(IpAddr::V4(ip)), 1) => data.extend(ip.octets()),
        (Record::Address(IpAddr::V6(ip)), 28) => data.extend(ip.octets()),
        (Record::Srv(priority, weight, port, target), 33) => {
            [priority, weight, port].into_iter().for_each(|number| data.extend(number.to_be_bytes()));
            put_name(&mut data, target);
        }
        (Record::Naptr(order, service, replacement), 35) => {
            data.extend(order.to_be_bytes());
            data.extend([0, 0]);
            for text in ["s", *service, ""] {
                data.push(u8::try_from(text.len()).ok()?);
                data.extend(text.as_bytes());
            }
            put_name(&mut data, replacement);
        }
        _ => return None,
    }
    Some(data)
}

fn put_name(data: &mut Vec<u8>, name: &str) {
    for label in name.split('.').filter(|label| !label.is_empty()) {
        data.push(u8::try_from(label.len()).unwrap_or(63));
        data.extend(label.as_bytes());
    }
    data.push(0);
}
