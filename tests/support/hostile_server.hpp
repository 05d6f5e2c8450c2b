/// @file
/// The other half of hostile_peer.hpp: an acceptor that misbehaves as told.
#pragma once

#include <support/hostile_peer.hpp>

namespace keywarden::testing::hostile {

/// What a ServerHello says; honest unless changed.
struct answer_shape {
  std::uint16_t legacy_version = tls12;
  std::uint16_t version = tls13_version;  ///< 0: no supported_versions
  bytes random = random_bytes(32);
  std::uint16_t suite = aes256.code;
  std::string protocol;                 ///< none: the first that was offered; "-": no answer
  std::optional<std::size_t> selected;  ///< which pre-shared key
  bytes shared_key;                     ///< that key
  std::optional<bytes> share;           ///< in place of the server's own half
  std::optional<bytes> whole_share;     ///< in place of the extension's body
  std::vector<bytes> more;              ///< whole extensions of the ServerHello
};

/// An acceptor. Once a ClientHello is there, `answer` decides what is said.
class server : public peer {
 public:
  using script = std::function<void(server&)>;

  static void honest_answer(server& self) {
    self.say_hello();
    self.say_extensions();
    self.ask_for_certificate();
    self.show_certificate();
    self.prove(server_context);
    self.finish();
  }

  explicit server(std::shared_ptr<const pki::identity> own, script answer = honest_answer,
                  answer_shape shape = {})
      : peer(std::move(own)), shape_(std::move(shape)), answer_(std::move(answer)) {}

  /// The ServerHello, in the clear, and the keys that follow from it.
  void say_hello() {
    say_plain(content::handshake, make_hello());
    follow_hello();
  }
  [[nodiscard]] bytes make_hello() {
    bytes extensions;
    if (shape_.version != 0)
      append(extensions, extension(extension_type::supported_versions, number(2, shape_.version)));
    if (shape_.version == tls13_version)
      append(extensions,
             extension(extension_type::key_share,
                       shape_.whole_share
                           ? *shape_.whole_share
                           : joined({number(2, x25519_group),
                                     sized(2, shape_.share ? *shape_.share : share_.half())})));
    if (shape_.selected)
      append(extensions, extension(extension_type::pre_shared_key, number(2, *shape_.selected)));
    for (const auto& each : shape_.more) append(extensions, each);
    hello_ = framed(message::server_hello,
                    joined({number(2, shape_.legacy_version), shape_.random, sized(1, session_),
                            number(2, shape_.suite), number(1, 0), sized(2, extensions)}));
    return hello_;
  }
  void follow_hello() {
    append(transcript_, hello_);
    suite_ = shape_.suite == chacha20.code ? chacha20 : aes256;
    keys_.begin(suite_, shape_.shared_key);
    keys_.after_server_hello(suite_, share_.agree(their_half_), transcript_);
    read_.emplace(suite_, keys_.client_handshake);
    write_with(keys_.server_handshake);
  }
  void say_extensions(const std::vector<bytes>& more = {}) {
    bytes extensions;
    const auto chosen = shape_.protocol.empty() ? first_protocol_ : shape_.protocol;
    if (chosen != "-")
      append(extensions,
             extension(extension_type::protocols, sized(2, sized(1, as_bytes(chosen)))));
    for (const auto& each : more) append(extensions, each);
    say_message(framed(message::encrypted_extensions, sized(2, extensions)));
  }
  void ask_for_certificate() {
    const auto schemes = extension(extension_type::signature_algorithms,
                                   sized(2, numbers16({ecdsa_p256_sha256, 0x0503, 0x0804})));
    say_message(framed(message::certificate_request, joined({sized(1, {}), sized(2, schemes)})));
  }
  void finish() {
    say_message(finished_message(keys_.server_handshake));
    use_data_keys();
  }
  void use_data_keys() {
    keys_.after_server_finished(suite_, transcript_);
    write_with(keys_.server_data);
    read_next_.emplace(suite_, keys_.client_data);
  }

  [[nodiscard]] bool heard_finished() const noexcept { return heard_finished_; }
  [[nodiscard]] const std::vector<bytes>& offered_identities() const noexcept {
    return identities_;
  }
  [[nodiscard]] const bytes& client_extensions() const noexcept { return extensions_; }

 private:
  void on_message(message type, bytes_view whole, cursor body) override {
    if (type == message::client_hello) {
      read_hello(body);
      append(transcript_, whole);
      return answer_(*this);
    }
    if (type == message::certificate) {
      remember_chain(body);
    } else if (type == message::certificate_verify) {
      check_proof(client_context, body);
    } else if (type == message::finished) {
      check_finished(keys_.client_handshake, body);
      heard_finished_ = true;
      read_.emplace(suite_, keys_.client_data);
      read_next_.reset();
    }
    append(transcript_, whole);
  }
  void read_hello(cursor body) {
    static_cast<void>(body.take(2 + 32));
    session_ = to_bytes(body.sized(1));
    static_cast<void>(body.sized(2));
    static_cast<void>(body.sized(1));
    extensions_ = to_bytes(body.sized(2));
    if (const auto shares = find_extension(extensions_, extension_type::key_share))
      for (cursor each(cursor(*shares).sized(2)); !each.at_end();) {
        const auto group = each.number(2);
        const auto half = each.sized(2);
        if (group == x25519_group) their_half_ = to_bytes(half);
      }
    if (const auto names = find_extension(extensions_, extension_type::protocols))
      first_protocol_ = as_text(cursor(cursor(*names).sized(2)).sized(1));
    if (const auto keys = find_extension(extensions_, extension_type::pre_shared_key))
      for (cursor each(cursor(*keys).sized(2)); !each.at_end();) {
        identities_.push_back(to_bytes(each.sized(2)));
        static_cast<void>(each.number(4));
      }
  }

  answer_shape shape_;
  script answer_;
  key_share share_;
  bytes hello_, session_, their_half_, extensions_;
  std::string first_protocol_;
  std::vector<bytes> identities_;
  bool heard_finished_ = false;
};

}  // namespace keywarden::testing::hostile
