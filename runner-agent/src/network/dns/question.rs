//! Which messages are passed on: plain questions. The host's resolver is a machine of the operator's network; its
//! zones are not to be copied from inside a sandbox, nor updates sent to it.

const HEADER: usize = 12;
const AXFR: u16 = 252;
const IXFR: u16 = 251;
const REFUSED: u8 = 5;

/// What to do with a message.
#[derive(Debug, PartialEq, Eq)]
pub enum Judgement {
    /// It is a question.
    Pass,
    /// It is not for a sandbox to ask: this is the answer.
    Refuse(Vec<u8>),
    /// It is no message of DNS, or an answer.
    Drop,
}

/// Looks at the header and the first question; all else is for the resolver to read.
pub fn judge(message: &[u8]) -> Judgement {
    let Some(kind) = first_kind(message) else { return Judgement::Drop };
    let is_answer = message[2] & 0x80 != 0;
    let is_query = message[2] & 0x78 == 0;
    match (is_answer, is_query && !matches!(kind, AXFR | IXFR)) {
        (true, _) => Judgement::Drop,
        (false, true) => Judgement::Pass,
        (false, false) => Judgement::Refuse(refusal(message)),
    }
}

/// The type that the first question asks for; none when there is none.
fn first_kind(message: &[u8]) -> Option<u16> {
    let questions = u16::from_be_bytes([*message.get(4)?, *message.get(5)?]);
    if questions == 0 {
        return None;
    }
    let mut at = HEADER;
    loop {
        match usize::from(*message.get(at)?) {
            0 => break,
            // A pointer has nothing before it to point to.
            length if length >= 0xc0 => return None,
            length => at += 1 + length,
        }
    }
    Some(u16::from_be_bytes([*message.get(at + 1)?, *message.get(at + 2)?]))
}

/// The header of the message as an answer: id, opcode and "recursion desired" are the asker's.
fn refusal(message: &[u8]) -> Vec<u8> {
    let mut answer = vec![0; HEADER];
    answer[..2].copy_from_slice(&message[..2]);
    answer[2] = 0x80 | (message[2] & 0x79);
    answer[3] = REFUSED;
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(flags: u8, kind: u16) -> Vec<u8> {
        let mut message = vec![0xab, 0xcd, flags, 0, 0, 1, 0, 0, 0, 0, 0, 0];
        message.extend(b"\x07example\x03org\x00");
        message.extend(kind.to_be_bytes());
        message.extend([0, 1]);
        message
    }

    #[test]
    fn questions_pass_and_the_rest_does_not() {
        for kind in [1, 28, 255] {
            assert_eq!(judge(&message(0x01, kind)), Judgement::Pass);
        }
        for (flags, kind) in [(0x01, AXFR), (0x01, IXFR), (0x28, 6), (0x10, 1)] {
            let Judgement::Refuse(answer) = judge(&message(flags, kind)) else { panic!("{flags:x} {kind} passes") };
            assert_eq!(answer[..4], [0xab, 0xcd, flags | 0x80, REFUSED]);
        }
        assert_eq!(judge(&message(0x81, 1)), Judgement::Drop);
    }

    #[test]
    fn what_is_cut_off_is_dropped() {
        let whole = message(0x01, 1);
        for length in 0..whole.len() - 2 {
            assert_eq!(judge(&whole[..length]), Judgement::Drop, "{length} bytes");
        }
    }
}
