//! The only resolver that sandboxes reach: it passes questions to the host's own and answers back, unread.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use ipnet::Ipv4Net;
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream, UdpSocket},
    sync::Semaphore,
};

use super::NetworkError;

const PORT: u16 = 53;
/// Questions on their way at once, of all sandboxes together: beyond it they are dropped, as a busy resolver does.
const MOST_AT_ONCE: usize = 512;
const UPSTREAM_TIMEOUT: Duration = Duration::from_secs(3);
const TCP_TIMEOUT: Duration = Duration::from_secs(20);
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
        let slots = Arc::new(Semaphore::new(MOST_AT_ONCE));
        let udp = serve_udp(Arc::new(self.udp), self.subnet, Arc::clone(&slots));
        tokio::join!(udp, serve_tcp(self.tcp, self.subnet, slots));
    }
}

async fn serve_udp(socket: Arc<UdpSocket>, subnet: Ipv4Net, slots: Arc<Semaphore>) {
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
        let Ok(slot) = Arc::clone(&slots).try_acquire_owned() else { continue };
        let (socket, question) = (Arc::clone(&socket), buffer[..length].to_vec());
        tokio::spawn(async move {
            if let Some(answer) = ask_each(&question).await {
                let _asker_is_gone = socket.send_to(&answer, from).await;
            }
            drop(slot);
        });
    }
}

async fn ask_each(question: &[u8]) -> Option<Vec<u8>> {
    for resolver in resolvers().await {
        match tokio::time::timeout(UPSTREAM_TIMEOUT, ask(resolver, question)).await {
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

async fn serve_tcp(listener: TcpListener, subnet: Ipv4Net, slots: Arc<Semaphore>) {
    loop {
        let (mut client, from) = match listener.accept().await {
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
        let Ok(slot) = Arc::clone(&slots).try_acquire_owned() else { continue };
        tokio::spawn(async move {
            let relayed = async {
                let mut upstream = connect_any().await?;
                copy_bidirectional(&mut client, &mut upstream).await
            };
            let _either_side_ended = tokio::time::timeout(TCP_TIMEOUT, relayed).await;
            drop(slot);
        });
    }
}

async fn connect_any() -> io::Result<TcpStream> {
    for resolver in resolvers().await {
        if let Ok(Ok(stream)) = tokio::time::timeout(UPSTREAM_TIMEOUT, TcpStream::connect(resolver)).await {
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
    use super::*;

    #[test]
    fn resolvers_are_those_of_the_host() {
        let text = "# a comment\nsearch example.org\nnameserver 192.0.2.1\nnameserver fd00::1 # six\nnameserver fe80::1%eth0\n";
        let expected: Vec<SocketAddr> = vec!["192.0.2.1:53".parse().unwrap(), "[fd00::1]:53".parse().unwrap()];
        assert_eq!(parse_resolvers(text), expected);
    }
}
