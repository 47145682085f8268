#include "node/net/connection.hpp"

#include <boost/asio/post.hpp>
#include <utility>

#include "node/net/close_words.hpp"

namespace maillon::net {
namespace {

Error opening_failed(CloseReason reason, const std::string& text) {
  if (reason == CloseReason::malformed) return Error{Errc::malformed, "in the handshake: " + text};
  return Error{Errc::unavailable, "the other side closed the connection during the handshake",
               "l’autre côté a fermé la connexion pendant la poignée de main"};
}

Error refused_by_peer(const Inbox::End& end) {
  const bool later = end.reason == CloseReason::stopping || end.reason == CloseReason::full;
  return Error{later ? Errc::unavailable : Errc::refused,
               "the peer refuses: " + close_in_english(end.reason, end.text),
               "le pair refuse : " + close_in_french(end.reason, end.text)};
}

}  // namespace

std::string_view to_string(CloseReason reason) noexcept {
  switch (reason) {
    case CloseReason::done:
      return "done";
    case CloseReason::stopping:
      return "stopping";
    case CloseReason::not_admitted:
      return "not admitted";
    case CloseReason::duplicate:
      return "duplicate";
    case CloseReason::malformed:
      return "malformed";
    case CloseReason::misbehaviour:
      return "misbehaviour";
    case CloseReason::full:
      return "full";
    case CloseReason::lost:
      return "connection lost";
    case CloseReason::timed_out:
      return "timed out";
    case CloseReason::corrupt:
      return "bytes altered on the way";
    case CloseReason::other:
      break;
  }
  return "other";
}

NetConnection::NetConnection(const SessionContext& context, std::shared_ptr<WsStream> stream,
                             bool outgoing, std::string source, std::optional<NodeId> expected,
                             DialCallbacks callbacks)
    : context_(context),
      stream_(std::move(stream)),
      outgoing_(outgoing),
      source_(std::move(source)),
      address_(source_),
      expected_(expected),
      callbacks_(std::move(callbacks)),
      timer_(context.io) {}

// Opening.

void NetConnection::start() {
  arm(context_.options.handshake_timeout);
  stream_->start(shared_from_this());
}

void NetConnection::on_ready(Result<std::string> address) {
  if (state_ != State::connecting) return;
  if (address.has_error()) return give_up(address.error());
  address_ = *address;
  auto channel = SecureChannel::create(context_.identity, outgoing_, context_.rng);
  if (channel.has_error()) return give_up(channel.error());
  channel_ = *std::move(channel);
  state_ = State::handshaking;
  if (outgoing_) {
    auto first = channel_->start();
    if (first.has_error()) return give_up(first.error());
    handshake_out_ = *std::move(first);
    pump();
  }
  read();
}

void NetConnection::handshake_step(ByteView message) {
  auto reply = channel_->on_handshake(message);
  if (reply.has_error()) return give_up(reply.error());
  handshake_out_ = *std::move(reply);
  if (!channel_->established()) {
    pump();
    return read();
  }
  peer_ = channel_->peer();
  const auto& stands_for = context_.options.stands_for;
  if (expected_ && peer_->node != *expected_ && !(stands_for && stands_for(*expected_, *peer_))) {
    return give_up(Error{Errc::refused,
                         "node " + peer_->node.hex().substr(0, 16) +
                             "… answers, not the expected " + expected_->hex().substr(0, 16) + "…",
                         "le nœud " + peer_->node.hex().substr(0, 16) +
                             "… répond, et non celui attendu, " + expected_->hex().substr(0, 16) +
                             "…"});
  }
  stream_->lift_limit();
  if (!outgoing_) return open_session();
  state_ = State::awaiting_ready;
  pump();
  read();
}

/// The acceptor's ready goes out only after the owner has had its say, so that the dialler's
/// on_open means that both agree.
void NetConnection::open_session() {
  state_ = State::open;
  ++timer_round_;
  timer_->cancel();
  in_on_open_ = true;
  if (!outgoing_ && !context_.has_room()) {
    close(CloseReason::full, {});
    if (context_.options.on_refused) {
      context_.options.on_refused(address_, Error{Errc::full, "no room for another session"});
    }
  } else {
    events_ = callbacks_.on_open(shared_from_this());
  }
  callbacks_ = {};
  in_on_open_ = false;
  if (state_ == State::open) {
    if (!outgoing_) outbox_.push_ready();
  } else {
    outbox_.drop_messages();
  }
  pump();
  deliver();
}

void NetConnection::give_up(const Error& error) {
  if (!opening()) return;
  const DialCallbacks callbacks = std::exchange(callbacks_, {});
  become_gone();
  if (outgoing_) {
    if (callbacks.on_failed) callbacks.on_failed(error);
  } else if (context_.options.on_refused) {
    context_.options.on_refused(address_, error);
  }
}

void NetConnection::while_awaiting_ready() {
  if (inbox_.take_ready()) return open_session();
  if (!inbox_.end()) {
    return give_up(Error{Errc::malformed, "a message before the session was ready"});
  }
  const DialCallbacks callbacks = std::exchange(callbacks_, {});
  const Error error = refused_by_peer(*inbox_.end());
  linger();
  if (callbacks.on_failed) callbacks.on_failed(error);
}

// Receiving.

void NetConnection::read() {
  if (reading_ || state_ == State::gone) return;
  reading_ = true;
  stream_->read();
}

void NetConnection::on_read(ByteView message) {
  reading_ = false;
  switch (state_) {
    case State::handshaking:
      return handshake_step(message);
    case State::awaiting_ready:
    case State::open:
    case State::closing:
      return transport_step(message);
    case State::connecting:
    case State::lingering:
    case State::gone:
      return;
  }
}

void NetConnection::transport_step(ByteView message) {
  auto plaintext = channel_->open(message);
  if (plaintext.has_error()) {
    if (opening()) return give_up(plaintext.error());
    return lost(CloseReason::corrupt, plaintext.error().detail);
  }
  if (!inbox_broken_) {
    const auto fed = inbox_.feed(*std::move(plaintext));
    if (opening()) return fed.has_error() ? give_up(fed.error()) : while_awaiting_ready();
    if (fed.has_error() || inbox_.take_ready()) {
      inbox_broken_ = true;
      close(CloseReason::malformed,
            fed.has_error() ? std::string_view(fed.error().detail) : "ready, again");
    }
  }
  deliver();
}

void NetConnection::deliver() {
  // A callback may ask for more or for a pause: the outer loop does the work.
  if (delivering_) return;
  delivering_ = true;
  while (state_ == State::closing || (state_ == State::open && !paused_)) {
    auto message = inbox_.next();
    if (!message) break;
    if (state_ == State::open && events_.on_message) events_.on_message(*this, *std::move(message));
  }
  delivering_ = false;
  if (state_ != State::closing && (state_ != State::open || paused_)) return;
  if (inbox_.end()) return peer_ended();
  read();
}

void NetConnection::peer_ended() {
  const Inbox::End end = *inbox_.end();
  linger();
  report_closed(CloseInfo{end.reason, end.text, /*clean=*/true, /*by_peer=*/true});
}

void NetConnection::pause_reading(bool paused) {
  if (state_ != State::open) return;
  paused_ = paused;
  if (paused) return;
  boost::asio::post(context_.io, [self = shared_from_this()] { self->deliver(); });
}

// Sending.

Result<void> NetConnection::send(Bytes message, Priority priority) {
  if (state_ != State::open) return Error{Errc::unavailable, "the session is not open"};
  MAILLON_CHECK(outbox_.push(std::move(message), priority));
  if (outbox_.bytes() >= kSendQueueLow) above_low_ = true;
  pump();
  return {};
}

void NetConnection::pump() {
  if (writing_ || in_on_open_ || state_ >= State::lingering) return;
  if (handshake_out_) {
    writing_ = true;
    return stream_->write(*std::exchange(handshake_out_, std::nullopt));
  }
  if (state_ != State::open && state_ != State::closing) return;
  const auto plaintext = outbox_.next();
  if (!plaintext) return;
  auto sealed = channel_->seal(*plaintext);
  writing_ = true;
  if (sealed.has_error()) {
    // 2^64 messages have been sent. Callbacks never come from inside a call of the caller's.
    boost::asio::post(context_.io, [self = shared_from_this()] { self->on_written(false); });
    return;
  }
  stream_->write(*std::move(sealed));
}

void NetConnection::on_written(bool ok) {
  writing_ = false;
  if (!ok) return on_read_failed(CloseReason::lost, "writing failed");
  if (outbox_.ended()) {
    if (state_ == State::closing && !std::exchange(stream_closing_, true)) stream_->close();
    return;
  }
  pump();
  if (above_low_ && outbox_.bytes() < kSendQueueLow) {
    above_low_ = false;
    if (state_ == State::open && events_.on_drained) events_.on_drained(*this);
  }
}

// Closing.

void NetConnection::close(CloseReason reason, std::string_view text) {
  if (state_ != State::open) return;
  MAILLON_ASSERT(reason < CloseReason::lost, "this reason is not for the wire");
  state_ = State::closing;
  closing_ = CloseInfo{reason, std::string(text), /*clean=*/true, /*by_peer=*/false};
  outbox_.push_end(reason, text);
  arm(context_.options.close_timeout);
  pump();
  // Whatever the peer still sends must be read away, or it may never read our goodbye.
  boost::asio::post(context_.io, [self = shared_from_this()] { self->deliver(); });
}

void NetConnection::shutdown() {
  if (opening()) return give_up(Error{Errc::unavailable, "stopping", "arrêt en cours"});
  close(CloseReason::stopping, {});
}

void NetConnection::on_read_failed(CloseReason reason, std::string text) {
  reading_ = false;
  if (state_ == State::gone) return;
  if (state_ == State::lingering) return become_gone();
  if (opening()) return give_up(opening_failed(reason, text));
  if (reason == CloseReason::done && state_ == State::closing && stream_closing_) {
    const CloseInfo info = std::exchange(closing_, {});
    become_gone();
    return report_closed(info);
  }
  // A WebSocket that closes without an end of session may have been closed by anybody between.
  lost(reason == CloseReason::done ? CloseReason::lost : reason, text);
}

void NetConnection::on_stream_closed(bool ok) {
  on_read_failed(ok ? CloseReason::done : CloseReason::lost, "closing failed");
}

void NetConnection::lost(CloseReason reason, const std::string& text) {
  become_gone();
  report_closed(CloseInfo{reason, text, /*clean=*/false, /*by_peer=*/false});
}

void NetConnection::cut() {
  if (opening()) return give_up(Error{Errc::unavailable, "stopping", "arrêt en cours"});
  if (state_ == State::open || state_ == State::closing) {
    return lost(CloseReason::timed_out, "no answer to our goodbye");
  }
  if (state_ == State::lingering) become_gone();
}

void NetConnection::report_closed(const CloseInfo& info) {
  const ConnectionEvents events = std::exchange(events_, {});
  if (events.on_closed) events.on_closed(*this, info);
}

void NetConnection::linger() {
  state_ = State::lingering;
  outbox_.drop_messages();
  arm(context_.options.close_timeout);
  if (!std::exchange(stream_closing_, true)) stream_->close();
}

void NetConnection::become_gone() {
  if (state_ == State::gone) return;
  state_ = State::gone;
  outbox_.drop_messages();
  sent_ = stream_->sent_bytes();
  received_ = stream_->received_bytes();
  timer_.reset();
  // The stream holds us as its handler: letting go of it ends the circle.
  std::exchange(stream_, nullptr)->abort();
  context_.on_gone(*this);
}

void NetConnection::arm(std::chrono::milliseconds delay) {
  timer_->expires_after(delay);
  timer_->async_wait([self = shared_from_this(), round = ++timer_round_](const auto& ec) {
    if (!ec && round == self->timer_round_) self->deadline_passed();
  });
}

void NetConnection::deadline_passed() {
  if (!opening()) return cut();
  give_up(Error{Errc::unavailable, "no answer in time", "pas de réponse à temps",
                "check that the other node runs and that the way to it is open",
                "vérifiez que l’autre nœud tourne et que le chemin jusqu’à lui est ouvert"});
}

std::uint64_t NetConnection::sent_bytes() const noexcept {
  return stream_ ? stream_->sent_bytes() : sent_;
}

std::uint64_t NetConnection::received_bytes() const noexcept {
  return stream_ ? stream_->received_bytes() : received_;
}

}  // namespace maillon::net
