/// @file
/// A TLS 1.3 client and a server that misbehave as told. Without being told they are honest, so
/// that a refusal is for the misbehaviour and nothing else. Made of Botan's primitives only.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <keywarden/core/result.hpp>
#include <support/hostile_messages.hpp>

namespace keywarden::testing::hostile {

/// What both halves have: records, keys, a transcript, and a note of everything that came. No
/// socket: feed `receive`, write `outgoing`, as with a handshake of ours.
class peer {
 public:
  struct heard_record {
    std::uint8_t outer;
    std::size_t size;
    friend bool operator==(const heard_record&, const heard_record&) = default;
    friend std::ostream& operator<<(std::ostream& out, const heard_record& each) {
      return out << int(each.outer) << ":" << each.size;
    }
  };

  explicit peer(std::shared_ptr<const pki::identity> own) : own_(std::move(own)) {}
  peer(const peer&) = delete;
  peer& operator=(const peer&) = delete;
  virtual ~peer() = default;

  [[nodiscard]] bytes_view outgoing() const noexcept { return outgoing_; }
  void sent(std::size_t count) {
    outgoing_.erase(outgoing_.begin(), outgoing_.begin() + static_cast<std::ptrdiff_t>(count));
  }
  [[nodiscard]] result<void> receive(bytes_view from_network) {
    append(incoming_, from_network);
    while (incoming_.size() >= 5) {
      const std::size_t size = 5U + incoming_[3] * 256U + incoming_[4];
      if (incoming_.size() < size) break;
      const bytes record(incoming_.begin(), incoming_.begin() + static_cast<std::ptrdiff_t>(size));
      incoming_.erase(incoming_.begin(), incoming_.begin() + static_cast<std::ptrdiff_t>(size));
      take(record);
    }
    return done();
  }

  // What came.
  [[nodiscard]] int alert() const noexcept { return alert_; }  ///< its number, or -1
  [[nodiscard]] bool alert_was_sealed() const noexcept { return alert_was_sealed_; }
  [[nodiscard]] const std::string& data() const noexcept { return data_; }
  [[nodiscard]] const std::vector<heard_record>& heard() const noexcept { return heard_; }
  [[nodiscard]] const std::vector<bytes>& shown_chain() const noexcept { return chain_; }
  [[nodiscard]] bool peer_proven() const noexcept { return proven_; }
  [[nodiscard]] std::size_t key_updates() const noexcept { return key_updates_; }

  /// Records that were not protected by the keys that this peer has.
  [[nodiscard]] std::size_t unreadable() const noexcept { return unreadable_; }

  // What scripts do.
  void say_bytes(bytes_view raw) { append(outgoing_, raw); }
  void say_plain(content type, bytes_view inside, std::uint16_t version = 0x0303) {
    say_bytes(plain_record(type, inside, version));
  }
  void say(content type, bytes_view inside, std::size_t padding = 0) {
    say_bytes(write_->seal(type, inside, padding));
  }
  void say_data(std::string_view text) { say(content::data, as_bytes(text)); }
  void say_alert(std::uint8_t level, std::uint8_t number) {
    say(content::alert, bytes{level, number});
  }
  /// Says a handshake message in a record of its own, and remembers that it did.
  void say_message(bytes_view whole) {
    append(transcript_, whole);
    say(content::handshake, whole);
  }
  /// The same as if it had been said.
  void pretend_message(bytes_view whole) { append(transcript_, whole); }
  void update_keys(bool ask_for_theirs) {
    say(content::handshake, framed(message::key_update, number(1, ask_for_theirs ? 1 : 0)));
    write_->update();
  }
  void write_with(bytes secret) { write_.emplace(suite_, std::move(secret)); }
  [[nodiscard]] record_key& write_key() { return *write_; }

  [[nodiscard]] const suite& with() const noexcept { return suite_; }
  [[nodiscard]] const key_schedule& keys() const noexcept { return keys_; }
  [[nodiscard]] const bytes& transcript() const noexcept { return transcript_; }
  [[nodiscard]] bytes transcript_digest() const { return digest(suite_, transcript_); }
  [[nodiscard]] const pki::identity& own() const noexcept { return *own_; }

  void show_certificate() { say_message(certificate_message(chain_of(*own_))); }
  void prove(std::string_view context) {
    say_message(verify_message(*own_->key, context, transcript_digest()));
  }
  [[nodiscard]] bytes finished_message(bytes_view base) const {
    return framed(message::finished, finished_mac(suite_, base, transcript_));
  }

 protected:
  virtual void on_message(message type, bytes_view whole, cursor body) = 0;

  /// Checks the other's signature over what was said before its CertificateVerify.
  void check_proof(std::string_view context, cursor body) {
    const Botan::X509_Certificate leaf(chain_.at(0));
    const auto scheme = body.number(2);
    Botan::PK_Verifier verifier(*leaf.subject_public_key(), "SHA-256",
                                Botan::Signature_Format::DerSequence);
    const auto said =
        joined({bytes(64, 0x20), as_bytes(context), number(1, 0), transcript_digest()});
    proven_ = scheme == ecdsa_p256_sha256 && verifier.verify_message(said, body.sized(2));
  }
  void remember_chain(cursor body) {
    static_cast<void>(body.sized(1));
    for (cursor each(body.sized(3)); !each.at_end();) {
      chain_.push_back(to_bytes(each.sized(3)));
      static_cast<void>(each.sized(2));
    }
  }
  void check_finished(bytes_view base, cursor body) {
    const auto wanted = finished_mac(suite_, base, transcript_);
    if (!std::ranges::equal(wanted, body.take(wanted.size())))
      throw std::runtime_error("the other's Finished is wrong");
  }

  suite suite_ = aes256;
  key_schedule keys_;
  bytes transcript_;
  std::optional<record_key> read_, read_next_, write_;

 private:
  void take(const bytes& record) {
    heard_.push_back({record[0], record.size()});
    const auto type = static_cast<content>(record[0]);
    if (type == content::change_cipher_spec) return;
    const auto plain = bytes_view(record).subspan(5);
    if (type != content::data) return inside(type, plain, false);
    if (!read_) throw std::runtime_error("a protected record came without keys");
    auto opened = read_->open(record);
    if (!opened && read_next_) {
      opened = read_next_->open(record);
      if (opened) read_ = std::exchange(read_next_, std::nullopt);
    }
    if (!opened) {
      ++unreadable_;
      return;
    }
    inside(opened->type, opened->plain, true);
  }
  void inside(content type, bytes_view plain, bool sealed) {
    if (type == content::alert) {
      alert_ = plain[1];
      alert_was_sealed_ = sealed;
    } else if (type == content::data) {
      data_ += as_text(plain);
    } else {
      append(messages_, plain);
      while (messages_.size() >= 4) {
        const std::size_t size =
            4U + messages_[1] * 65536U + messages_[2] * 256U + std::size_t{messages_[3]};
        if (messages_.size() < size) break;
        const bytes whole(messages_.begin(), messages_.begin() + static_cast<std::ptrdiff_t>(size));
        messages_.erase(messages_.begin(), messages_.begin() + static_cast<std::ptrdiff_t>(size));
        const auto of = static_cast<message>(whole[0]);
        if (of == message::key_update) {
          ++key_updates_;
          read_->update();
        } else {
          on_message(of, whole, cursor(bytes_view(whole).subspan(4)));
        }
      }
    }
  }

  std::shared_ptr<const pki::identity> own_;
  bytes incoming_, outgoing_, messages_;
  std::string data_;
  std::vector<heard_record> heard_;
  std::vector<bytes> chain_;
  int alert_ = -1;
  bool alert_was_sealed_ = false;
  bool proven_ = false;
  std::size_t key_updates_ = 0;
  std::size_t unreadable_ = 0;
};

/// A connector. Once the acceptor's Finished is there, `flight` decides what is said.
class client : public peer {
 public:
  using script = std::function<void(client&)>;
  struct ticket {
    bytes identity;
    bytes key;
    std::uint32_t age_add;
  };

  static void honest_flight(client& self) {
    self.show_certificate();
    self.prove(client_context);
    self.finish();
  }

  explicit client(std::shared_ptr<const pki::identity> own, script flight = honest_flight,
                  hello_shape shape = {})
      : peer(std::move(own)), shape_(std::move(shape)), flight_(std::move(flight)) {}

  /// Says the ClientHello; `with` makes the binders, and reads the answer if it is chosen.
  client& start(const suite& with = aes256) {
    suite_ = with;
    hello_ = client_hello(shape_, share_.half(), with);
    append(transcript_, hello_);
    say_plain(content::handshake, hello_, shape_.record_version);
    return *this;
  }
  void finish() {
    say_message(finished_message(keys_.client_handshake));
    write_with(keys_.client_data);
    resumption_ = derive(suite_, keys_.master, "res master", transcript_);
  }
  /// Application traffic keys without a Finished.
  void skip_to_data_keys() { write_with(keys_.client_data); }
  void write_early() {
    keys_.begin(suite_, shape_.keys.empty() ? bytes_view() : bytes_view(shape_.keys.front().key));
    write_with(derive(suite_, keys_.early, "c e traffic", hello_));
  }

  [[nodiscard]] const bytes& hello() const noexcept { return hello_; }
  [[nodiscard]] const std::string& protocol() const noexcept { return protocol_; }
  [[nodiscard]] bool resumed() const noexcept { return resumed_; }
  [[nodiscard]] const std::optional<bytes>& certificate_request() const noexcept {
    return request_;
  }
  [[nodiscard]] const std::vector<ticket>& tickets() const noexcept { return tickets_; }

 private:
  void on_message(message type, bytes_view whole, cursor body) override {
    if (type == message::server_hello) {
      static_cast<void>(body.take(2 + 32));
      static_cast<void>(body.sized(1));
      suite_ = body.number(2) == chacha20.code ? chacha20 : aes256;
      static_cast<void>(body.take(1));
      const auto extensions = body.sized(2);
      const auto share = find_extension(extensions, extension_type::key_share);
      if (!share) throw std::runtime_error("no key share was answered");
      resumed_ = find_extension(extensions, extension_type::pre_shared_key).has_value();
      append(transcript_, whole);
      keys_.begin(suite_, resumed_ ? bytes_view(shape_.keys.front().key) : bytes_view());
      cursor their_half(*share);
      static_cast<void>(their_half.number(2));
      keys_.after_server_hello(suite_, share_.agree(their_half.sized(2)), transcript_);
      read_.emplace(suite_, keys_.server_handshake);
      write_with(keys_.client_handshake);
      return;
    }
    if (type == message::new_session_ticket) return remember_ticket(body);
    if (type == message::encrypted_extensions) {
      if (auto chosen = find_extension(body.sized(2), extension_type::protocols))
        protocol_ = as_text(cursor(cursor(*chosen).sized(2)).sized(1));
    } else if (type == message::certificate_request) {
      request_ = to_bytes(whole);
    } else if (type == message::certificate) {
      remember_chain(body);
    } else if (type == message::certificate_verify) {
      check_proof(server_context, body);
    } else if (type == message::finished) {
      check_finished(keys_.server_handshake, body);
    }
    append(transcript_, whole);
    if (type != message::finished) return;
    keys_.after_server_finished(suite_, transcript_);
    read_.emplace(suite_, keys_.server_data);
    flight_(*this);
  }
  void remember_ticket(cursor body) {
    static_cast<void>(body.number(4));
    const auto age_add = static_cast<std::uint32_t>(body.number(4));
    const auto nonce = body.sized(1);
    const auto identity = to_bytes(body.sized(2));
    tickets_.push_back(
        {identity, expand_label(suite_, resumption_, "resumption", nonce, suite_.digest), age_add});
  }

  hello_shape shape_;
  script flight_;
  key_share share_;
  bytes hello_, resumption_;
  std::string protocol_;
  bool resumed_ = false;
  std::optional<bytes> request_;
  std::vector<ticket> tickets_;
};

}  // namespace keywarden::testing::hostile
