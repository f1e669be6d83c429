//! The only resolver that sandboxes reach: it passes questions to the host's own and brings the answers back, unread.
//!
//! * [`places`] how many may ask at once
//! * [`question`] what may be asked

use std::{
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use ipnet::Ipv4Net;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream, UdpSocket},
    time::timeout,
};

use self::{
    places::Places,
    question::{Judgement, judge},
};
use super::NetworkError;

mod places;
mod question;

const PORT: u16 = 53;
/// Questions by UDP on their way at once, and connections: beyond it they are dropped, as a busy resolver does.
const MOST_QUESTIONS: usize = 512;
const MOST_CONNECTIONS: usize = 128;
/// Of these, for one sandbox.
const QUESTIONS_EACH: usize = 32;
const CONNECTIONS_EACH: usize = 4;
const UPSTREAM_TIMEOUT: Duration = Duration::from_secs(3);
/// A connection on which nothing is asked.
const TCP_IDLE: Duration = Duration::from_secs(5);
/// A connection on which much is asked.
const TCP_LIFE: Duration = Duration::from_secs(20);
const LARGEST_ANSWER: usize = 65_535;

/// Both listeners of the resolver.
pub struct Resolver {
    udp: UdpSocket,
    tcp: TcpListener,
    subnet: Ipv4Net,
}

impl Resolver {
    /// Listens on the host's address of the bridge.
    ///
    /// # Errors
    /// When port 53 of that address is taken.
    pub async fn bind(gateway: Ipv4Addr, subnet: Ipv4Net) -> Result<Self, NetworkError> {
        let failed = |source| NetworkError::Dns { address: gateway, source };
        let udp = UdpSocket::bind((gateway, PORT)).await.map_err(failed)?;
        let tcp = TcpListener::bind((gateway, PORT)).await.map_err(failed)?;
        Ok(Self { udp, tcp, subnet })
    }

    /// Answers for ever.
    pub async fn serve(self) {
        let udp = serve_udp(Arc::new(self.udp), self.subnet, Places::new(MOST_QUESTIONS, QUESTIONS_EACH));
        let tcp = serve_tcp(self.tcp, self.subnet, Places::new(MOST_CONNECTIONS, CONNECTIONS_EACH));
        tokio::join!(udp, tcp);
    }
}

async fn serve_udp(socket: Arc<UdpSocket>, subnet: Ipv4Net, places: Places) {
    let mut buffer = vec![0; LARGEST_ANSWER];
    loop {
        let (length, from) = match socket.recv_from(&mut buffer).await {
            Ok(received) => received,
            Err(error) => {
                tracing::warn!(%error, "DNS socket");
                tokio::time::sleep(UPSTREAM_TIMEOUT).await;
                continue;
            }
        };
        if !is_sandbox(from, subnet) {
            continue;
        }
        let Some(place) = places.enter(from.ip()) else { continue };
        let (socket, question) = (Arc::clone(&socket), buffer[..length].to_vec());
        tokio::spawn(async move {
            let answer = match judge(&question) {
                Judgement::Pass => ask_each(&question).await,
                Judgement::Refuse(refusal) => Some(refusal),
                Judgement::Drop => None,
            };
            if let Some(answer) = answer {
                let _asker_is_gone = socket.send_to(&answer, from).await;
            }
            drop(place);
        });
    }
}

async fn ask_each(question: &[u8]) -> Option<Vec<u8>> {
    for resolver in resolvers().await {
        match timeout(UPSTREAM_TIMEOUT, ask(resolver, question)).await {
            Ok(Ok(answer)) => return Some(answer),
            Ok(Err(error)) => tracing::debug!(%resolver, %error, "resolver"),
            Err(_elapsed) => tracing::debug!(%resolver, "resolver does not answer"),
        }
    }
    None
}

async fn ask(resolver: SocketAddr, question: &[u8]) -> io::Result<Vec<u8>> {
    let any: SocketAddr = if resolver.is_ipv4() {
        (Ipv4Addr::UNSPECIFIED, 0).into()
    } else {
        (std::net::Ipv6Addr::UNSPECIFIED, 0).into()
    };
    let socket = UdpSocket::bind(any).await?;
    // Connected: only the resolver's own answers arrive.
    socket.connect(resolver).await?;
    socket.send(question).await?;
    let mut answer = vec![0; LARGEST_ANSWER];
    let length = socket.recv(&mut answer).await?;
    answer.truncate(length);
    Ok(answer)
}

async fn serve_tcp(listener: TcpListener, subnet: Ipv4Net, places: Places) {
    loop {
        let (client, from) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "DNS listener");
                tokio::time::sleep(UPSTREAM_TIMEOUT).await;
                continue;
            }
        };
        if !is_sandbox(from, subnet) {
            continue;
        }
        let Some(place) = places.enter(from.ip()) else { continue };
        tokio::spawn(async move {
            let _either_side_ended = timeout(TCP_LIFE, answer_all(client)).await;
            drop(place);
        });
    }
}

/// One question after another, until the asker has no more.
async fn answer_all(mut client: TcpStream) -> io::Result<()> {
    loop {
        let question = timeout(TCP_IDLE, read_message(&mut client)).await??;
        let answer = match judge(&question) {
            Judgement::Pass => ask_by_tcp(&question).await?,
            Judgement::Refuse(refusal) => refusal,
            Judgement::Drop => return Ok(()),
        };
        timeout(TCP_IDLE, write_message(&mut client, &answer)).await??;
    }
}

async fn ask_by_tcp(question: &[u8]) -> io::Result<Vec<u8>> {
    let mut upstream = connect_any().await?;
    let asked = async {
        write_message(&mut upstream, question).await?;
        read_message(&mut upstream).await
    };
    timeout(UPSTREAM_TIMEOUT, asked).await?
}

/// On a stream each message has its length in front.
async fn read_message(stream: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut message = vec![0; usize::from(stream.read_u16().await?)];
    stream.read_exact(&mut message).await?;
    Ok(message)
}

async fn write_message(stream: &mut TcpStream, message: &[u8]) -> io::Result<()> {
    let length = u16::try_from(message.len()).map_err(io::Error::other)?;
    stream.write_all(&[&length.to_be_bytes()[..], message].concat()).await
}

async fn connect_any() -> io::Result<TcpStream> {
    for resolver in resolvers().await {
        if let Ok(Ok(stream)) = timeout(UPSTREAM_TIMEOUT, TcpStream::connect(resolver)).await {
            return Ok(stream);
        }
    }
    Err(io::Error::other("no resolver answers"))
}

fn is_sandbox(from: SocketAddr, subnet: Ipv4Net) -> bool {
    matches!(from.ip(), IpAddr::V4(address) if subnet.contains(&address))
}

/// Read for each question: the host's resolvers change with its network, and the file is small.
async fn resolvers() -> Vec<SocketAddr> {
    parse_resolvers(&tokio::fs::read_to_string("/etc/resolv.conf").await.unwrap_or_default())
}

fn parse_resolvers(text: &str) -> Vec<SocketAddr> {
    text.lines()
        .filter_map(|line| {
            let mut words = line.split_whitespace();
            (words.next() == Some("nameserver")).then(|| words.next()?.parse::<IpAddr>().ok())?
        })
        .map(|address| SocketAddr::new(address, PORT))
        .collect()
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpSocket;

    use super::*;

    async fn connect_from(last: u8, to: SocketAddr) -> TcpStream {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind((Ipv4Addr::new(127, 0, 0, last), 0).into()).unwrap();
        socket.connect(to).await.unwrap()
    }

    #[tokio::test]
    async fn idle_connections_of_one_sandbox_leave_room_for_another() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let door = listener.local_addr().unwrap();
        let places = Places::new(MOST_CONNECTIONS, CONNECTIONS_EACH);
        tokio::spawn(serve_tcp(listener, "127.0.0.0/8".parse().unwrap(), places));
        let mut idle = Vec::new();
        for _ in 0..CONNECTIONS_EACH {
            idle.push(connect_from(2, door).await);
        }
        let mut one_more = connect_from(2, door).await;
        let read = one_more.read(&mut [0; 1]).await;
        assert!(matches!(read, Ok(0) | Err(_)), "it is closed at once");
        let mut other = connect_from(3, door).await;
        let transfer = b"\xab\xcd\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x03org\x00\x00\xfc\x00\x01";
        write_message(&mut other, transfer).await.unwrap();
        let answer = read_message(&mut other).await.unwrap();
        assert_eq!(answer[..4], [0xab, 0xcd, 0x80, 5], "refused, and so heard");
    }

    #[test]
    fn resolvers_are_those_of_the_host() {
        let text = "# a comment\nsearch example.org\nnameserver 192.0.2.1\nnameserver fd00::1 # six\nnameserver fe80::1%eth0\n";
        let expected: Vec<SocketAddr> = vec!["192.0.2.1:53".parse().unwrap(), "[fd00::1]:53".parse().unwrap()];
        assert_eq!(parse_resolvers(text), expected);
    }
}
