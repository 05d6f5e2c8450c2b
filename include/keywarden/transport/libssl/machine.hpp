/// @file
/// One TLS connection, without a socket: OpenSSL's engine, and the rules it must not be trusted
/// with.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstring>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <botan/hex.h>

#include <openssl/core_names.h>
#include <openssl/tls1.h>
#include <openssl/x509v3.h>

#include <keywarden/core/backend.hpp>
#include <keywarden/pki/path.hpp>
#include <keywarden/transport/libssl/settings.hpp>
#include <keywarden/transport/libssl/write_keys.hpp>
#include <keywarden/transport/machine.hpp>
#include <keywarden/transport/tls_failure.hpp>

namespace keywarden::transport::libssl::detail {

/// One connection over OpenSSL. Pinned in memory, because OpenSSL calls back into it. One thread at
/// a time.
///
/// The peer is judged in one place on both sides, `establish`: OpenSSL has finished, so the peer's
/// Finished is verified, and what a connector has said in the same breath (its own certificate)
/// waits in `outgoing` behind `mark_`: if the peer is not welcome it never leaves, and the alert of
/// all refusals takes its place. OpenSSL's own verification accepts every chain.
class machine final : public shared::machine {
 public:
  /// Whoever answers must be `expected` (a login), unless that is empty.
  machine(std::shared_ptr<contexts> with, auth::side own, std::string dialled, std::string expected)
      : shared::machine(own, std::move(dialled), std::move(expected)), shared_(std::move(with)) {}

  /// For `settings`: what OpenSSL calls.
  [[nodiscard]] static callbacks calls() noexcept {
    return {&verify, &certificate_wanted, &protocols_offered, &told, &message, &secret_made};
  }

  /// The connector's first message. An acceptor takes no memory before the first byte arrives.
  [[nodiscard]] result<void> start() {
    if (side_ == auth::side::acceptor || ssl_ != nullptr) return done();
    if (auto made = make_engine(); !made) return fail(made.error());
    return feed({});
  }

  [[nodiscard]] result<void> receive(bytes_view data) override {
    if (failure_) return *failure_;
    bytes hello;
    if (ssl_ == nullptr) {
      if (side_ == auth::side::connector)
        return error(errc::invalid_argument).with(fact::reason, "not started");
      append(hello_, data);
      if (begins_hello(hello_)) return done();
      if (auto made = make_engine(); !made) return fail(made.error());
      hello = std::move(hello_);
      data = hello;
    }
    // What follows the peer's Finished in the same bytes does not count as handshake.
    while (!data.empty() && !finished()) {
      const auto part = data.first(std::min(data.size(), handshake_part));
      data = data.subspan(part.size());
      handshake_bytes_ += part.size();
      if (handshake_bytes_ > max_handshake) {
        refuse(error(errc::limit_exceeded)
                   .with(fact::operation, "TLS handshake")
                   .with(fact::limit, max_handshake));
        return *failure_;
      }
      if (auto taken = feed(part); !taken) return taken;
    }
    return data.empty() ? done() : feed(data);
  }

  [[nodiscard]] bool finished() const override { return proof_.has_value() && !failure_; }

  [[nodiscard]] result<void> send(bytes_view data) override {
    if (failure_) return *failure_;
    if (closed_) return error(errc::connection_closed).with(fact::operation, "send");
    if (outgoing_.size() + data.size() > max_pending)
      return error(errc::limit_exceeded)
          .with(fact::operation, "send")
          .with(fact::limit, max_pending)
          .with(fact::next_step, "send less at a time, and what is outgoing first");
    if (data.empty()) return done();
    static_cast<void>(outgoing_.room(data.size() + (data.size() / 16384 + 1) * record_overhead));
    // OpenSSL's queue of errors is left alone: to look at it twice costs a tenth of a short record.
    std::size_t written = 0;
    const int answer = SSL_write_ex(ssl_.get(), data.data(), data.size(), &written);
    if (ended_ || out_of_memory_) return judged(answer);
    if (answer == 1) return written == data.size() ? done() : unfinished();
    return SSL_want_read(ssl_.get()) ? unfinished() : judged(answer);
  }

  [[nodiscard]] result<void> close() override {
    if (failure_ || closed_ || !finished()) return done();
    if (SSL_in_init(ssl_.get()) != 0) return unfinished();
    closed_ = true;
    return called([&] { return SSL_shutdown(ssl_.get()) < 0 ? -1 : 1; });
  }

  void refuse(error why) override {
    if (failure_) return;
    say_alert(static_cast<int>(shared::refusal_alert));
    static_cast<void>(end(std::move(why)));
  }

  [[nodiscard]] result<void> update_keys() override {
    if (failure_) return *failure_;
    if (closed_) return done();
    if (SSL_in_init(ssl_.get()) != 0) return unfinished();
    return called([&] {
      if (SSL_key_update(ssl_.get(), SSL_KEY_UPDATE_REQUESTED) != 1) return 0;
      return SSL_do_handshake(ssl_.get());
    });
  }

  [[nodiscard]] result<secret_key> exported(std::string_view label,
                                            std::size_t size) const override {
    if (failure_) return *failure_;
    Botan::secure_vector<std::uint8_t> made(size);
    ERR_clear_error();
    if (SSL_export_keying_material(ssl_.get(), made.data(), made.size(), label.data(), label.size(),
                                   nullptr, 0, 0) != 1)
      return backend_error("exporting a key");
    return keywarden::detail::adopt_key(std::move(made));
  }

 private:
  static constexpr std::size_t record_overhead = 22;  // header, content type, tag
  static constexpr std::size_t largest_record = 16384;

  [[nodiscard]] const settings& of() const noexcept { return shared_->of(); }

  /// Whether this may become a hello and is less than a record of one. OpenSSL takes 70 KB for the
  /// first byte of a stranger; this takes what was said.
  [[nodiscard]] static bool begins_hello(bytes_view said) noexcept {
    constexpr std::uint8_t handshake_record = 22;
    if (said.empty()) return true;
    if (said[0] != handshake_record || (said.size() > 1 && said[1] != 3)) return false;
    if (said.size() < 5) return true;
    const std::size_t size = said[3] * 256U + said[4];
    return size <= largest_record && said.size() < 5 + size;
  }

  // Into OpenSSL.

  /// What this side shows is read once for each handshake: a reload meanwhile does not mix.
  [[nodiscard]] result<void> make_engine() {
    auto own = of().party->own();
    if (!own) return own.error();
    auto context = shared_->for_identity(*own);
    if (!context) return context.error();
    ERR_clear_error();
    ssl_.reset(SSL_new(context->get()));
    if (ssl_ == nullptr) return backend_error("TLS");
    BIO* const wire = wire_method() != nullptr ? BIO_new(wire_method()) : nullptr;
    if (wire == nullptr) return backend_error("TLS");
    BIO_set_data(wire, this);
    BIO_set_init(wire, 1);
    SSL_set_bio(ssl_.get(), wire, wire);
    if (SSL_set_app_data(ssl_.get(), this) != 1) return backend_error("TLS");
    SSL_set_msg_callback_arg(ssl_.get(), this);  // of what comes with each record, looked up once
    if (side_ == auth::side::connector) {
      SSL_set_tlsext_status_type(ssl_.get(), TLSEXT_STATUSTYPE_ocsp);
      SSL_set_connect_state(ssl_.get());
    } else {
      SSL_set_accept_state(ssl_.get());
    }
    return done();
  }

  [[nodiscard]] result<void> feed(bytes_view data) {
    if (peer_closed_) return done();
    const unless_kept guard{*this};
    source_ = data;
    mark_ = outgoing_.size();
    if (!finished()) {
      if (auto made = called([&] { return SSL_do_handshake(ssl_.get()); }); !made || waits_)
        return made;
      if (auto welcome = establish(); !welcome) return veto(welcome.error());
    }
    return read_all();
  }

  /// When memory runs out: nothing points to the caller's bytes, and of a connector whose peer was
  /// not judged nothing leaves.
  struct unless_kept {
    machine& of;
    int before = std::uncaught_exceptions();
    ~unless_kept() {
      if (std::uncaught_exceptions() == before) return;
      of.source_ = {};
      if (of.proof_) return;
      of.outgoing_.cut_to(of.mark_);
      of.ssl_.reset();
    }
  };

  [[nodiscard]] result<void> read_all() {
    waits_ = false;
    const unless_wiped guard{*this};
    forget_errors();
    while (!source_.empty() || SSL_has_pending(ssl_.get()) != 0) {
      std::size_t got = 0;
      const auto to = incoming_.room(largest_record);
      const int answer = SSL_read_ex(ssl_.get(), to.data(), to.size(), &got);
      if (answer != 1 || ended_ || out_of_memory_) {
        wipe_read(true);
        return judged(answer);
      }
      incoming_.filled(got);
    }
    forget_errors();
    return done();
  }

  /// However reading ends, what OpenSSL still has of it is wiped when it lets go of it.
  struct unless_wiped {
    machine& of;
    ~unless_wiped() { of.wipe_read(true); }
  };
  /// Whether OpenSSL wipes a record where it decrypted it, once it was read.
  void wipe_read(bool each) noexcept {
    if (each == wipes_) return;
    wipes_ = each;
    if (ssl_ == nullptr) return;
    if (each)
      SSL_set_options(ssl_.get(), SSL_OP_CLEANSE_PLAINTEXT);
    else
      SSL_clear_options(ssl_.get(), SSL_OP_CLEANSE_PLAINTEXT);
  }

  /// Whether the next record has begun to come, and will cover what one of `size` bytes was
  /// decrypted to: OpenSSL puts it in the same place.
  [[nodiscard]] bool next_covers(std::size_t size) const noexcept {
    constexpr std::size_t header = 5;
    return source_.size() >= header && source_[3] * 256U + source_[4] >= size;
  }

  /// To look costs a fifth of clearing what is empty.
  static void forget_errors() noexcept {
    if (ERR_peek_error() != 0) ERR_clear_error();
  }

  /// Calls into OpenSSL and makes of its answer this connection's fate; `waits_` if it needs more
  /// bytes.
  template <class Call>
  [[nodiscard]] result<void> called(const Call& call) {
    waits_ = false;
    forget_errors();
    const int answer = call();
    if (answer == 1 && !ended_ && !out_of_memory_) {
      forget_errors();  // of what did not fit on the way
      return done();
    }
    return judged(answer);
  }
  [[nodiscard]] result<void> judged(int answer) {
    const int why = ended_ ? SSL_ERROR_SSL : SSL_get_error(ssl_.get(), answer);
    if (why == SSL_ERROR_WANT_READ) {
      waits_ = true;
      return done();
    }
    if (why == SSL_ERROR_ZERO_RETURN && finished()) {
      peer_closed_ = true;
      source_ = {};
      return done();
    }
    if (ended_) return veto(*std::exchange(ended_, std::nullopt));
    const auto number = ERR_GET_REASON(ERR_peek_error());
    const auto reason = take_reason();
    if (out_of_memory_) {
      if (!finished()) outgoing_.cut_to(mark_);
      return end(error(errc::backend_failed).with(fact::reason, "no memory"));
    }
    if (heard_ == SSL3_AD_CLOSE_NOTIFY && !finished())
      return end(error(errc::handshake_failed)
                     .with(fact::reason, "the peer closed before it was finished"));
    if (heard_ > SSL3_AD_CLOSE_NOTIFY)
      return end(shared::refused_by_peer(
          Botan::TLS::Alert(static_cast<Botan::TLS::AlertType>(heard_), true)));
    if (said_ < 0) {  // of bytes that are no TLS at all
      said_ = SSL3_AD_ILLEGAL_PARAMETER;
      say_alert(said_);
    }
    // A record's version is no offer of one.
    if (said_ == TLS1_AD_PROTOCOL_VERSION && number == SSL_R_WRONG_VERSION_NUMBER)
      return end(error(finished() ? errc::malformed : errc::handshake_failed)
                     .with(fact::reason, reason)
                     .with(fact::alert, shared::alert_name(said_)));
    return end(shared::explained(error(errc::backend_failed)
                                     .with(fact::operation, "TLS")
                                     .with(fact::reason, reason)
                                     .with(fact::alert, said_),
                                 !proof_.has_value()));
  }

  /// The end, whatever is still to be said is in `outgoing`.
  [[nodiscard]] error end(error why) {
    auto made = fail(std::move(why));
    source_ = {};
    hello_ = {};
    ssl_.reset();
    ERR_clear_error();
    return made;
  }
  /// Takes back what was said since the bytes of the peer came, and says the alert in its place.
  [[nodiscard]] error veto(error why) {
    if (!finished()) {
      outgoing_.cut_to(mark_);
      if (side_ == auth::side::connector) std::swap(keys_, handshake_keys_);
    }
    say_alert(veto_alert_);
    return end(std::move(why));
  }
  /// A message of TLS came in part, and nothing can be said before the rest of it came.
  [[nodiscard]] error unfinished() {
    veto_alert_ = static_cast<int>(Botan::TLS::AlertType::UnexpectedMessage);
    return veto(error(errc::malformed)
                    .with(fact::reason, "the peer left a message of the protocol unfinished"));
  }
  void say_alert(int description) {
    if (ssl_ == nullptr && hello_.empty()) return;  // to whom nothing was said yet, or all was
    auto record = keywarden::detail::guarded("TLS", [&] {
      return keys_.alert_record(static_cast<std::uint8_t>(description),
                                agreed_.protection.algorithm().value_or(suite_in_use()));
    });
    if (record) outgoing_.append(*record);
  }
  [[nodiscard]] algorithm suite_in_use() const noexcept {
    if (ssl_ == nullptr) return algorithm::aes;
    const auto* suite = SSL_get_current_cipher(ssl_.get());
    if (suite == nullptr) suite = SSL_get_pending_cipher(ssl_.get());
    const auto code = suite != nullptr ? SSL_CIPHER_get_protocol_id(suite) : 0;
    return code == 0x1303 ? algorithm::chacha20 : algorithm::aes;
  }

  /// OpenSSL is through: is this what was wanted, and is the peer welcome?
  [[nodiscard]] result<void> establish() {
    if (SSL_session_reused(ssl_.get()) != 0)
      return error(errc::peer_unproven).with(fact::reason, "a resumed session proves nobody");
    if (auto settled = settle(); !settled) return settled;
    if (of().party->asks_connectors()) {
      if (auto shown = take_evidence(); !shown) return shown;
    } else if (side_ == auth::side::connector || SSL_get0_peer_certificate(ssl_.get()) != nullptr) {
      return error(errc::peer_unproven)
          .with(fact::reason, "anonymous connectors show nothing, and only connect");
    }
    const auto shown = shown_.chain;
    if (auto welcome = judge_peer(*of().party); !welcome) return welcome;
    if (side_ == auth::side::acceptor || was_asked_) {
      if (!new_leaf_.empty())  // without memory for it, it is read again next time
        static_cast<void>(keywarden::detail::contained(
            [&] { shared_->peers().keep(std::exchange(new_leaf_, {}), shown.front()); }));
      // Who was let in may keep its buffers: to give them back wipes 16 KiB for each record.
      SSL_clear_mode(ssl_.get(), SSL_MODE_RELEASE_BUFFERS);
      return done();
    }
    // Mutual, or not at all: an acceptor that never asked who this side is would serve anybody.
    proof_.reset();
    return error(errc::handshake_failed)
        .with(fact::reason, "the acceptor did not ask for this side's certificate")
        .with(fact::next_step, "let the acceptor require client certificates");
  }
  [[nodiscard]] result<void> settle() {
    agreed_.version = "TLS v1.3";
    agreed_.group = group_name();
    const auto in_use = suite_in_use();
    if (SSL_version(ssl_.get()) != TLS1_3_VERSION || !of().clause.lists(in_use))
      return to_error(negotiation::refused(encryption_refusal::no_common_algorithm));
    agreed_.protection = negotiation::encrypted(in_use);
    const unsigned char* chosen = nullptr;
    unsigned size = 0;
    SSL_get0_alpn_selected(ssl_.get(), &chosen, &size);
    if (side_ == auth::side::connector && size != 0 &&
        as_text(bytes_view(chosen, size)) != of().protocol())
      return error(errc::handshake_failed)
          .with(fact::reason, "the acceptor chose a protocol that was not offered");
    return check_clauses();
  }
  [[nodiscard]] std::string group_name() const {
    const auto number = static_cast<unsigned>(SSL_get_negotiated_group(ssl_.get()));
    const auto as_code = [&]() -> std::uint16_t {
      switch (number) {
        case NID_X25519:
          return 29;
        case NID_X9_62_prime256v1:
          return 23;
        case NID_secp384r1:
          return 24;
        case NID_secp521r1:
          return 25;
        default:  // without a number of OpenSSL's own: TLS's
          return static_cast<std::uint16_t>(number);
      }
    };
    return Botan::TLS::Group_Params(as_code()).to_string().value_or("");
  }
  /// What the engine itself holds for this session.
  [[nodiscard]] result<void> take_evidence() {
    const auto* const leaf = SSL_get0_peer_certificate(ssl_.get());
    const auto* const rest = SSL_get_peer_cert_chain(ssl_.get());
    shown_.chain.clear();
    shown_.stapled.clear();
    if (leaf == nullptr)
      return error(errc::peer_unproven).with(fact::reason, "it showed no certificate");
    if (sk_X509_num(rest) > static_cast<int>(pki::max_chain_length) + 1)
      return error(errc::limit_exceeded)
          .with(fact::kind, "certificate chain")
          .with(fact::limit, pki::max_chain_length)
          .with(fact::actual, static_cast<std::size_t>(sk_X509_num(rest)));
    const auto read = [&](const bytes& der) -> result<void> {
      auto made = pki::certificate::from_der(der);
      if (!made) return error(errc::handshake_failed).because(made.error());
      shown_.chain.push_back(std::move(*made));
      return done();
    };
    auto der = from_openssl(leaf);
    if (auto known = shared_->peers().find(der)) {
      shown_.chain.push_back(std::move(*known));
    } else {
      // Whoever answers: what is judged is what proved itself, byte for byte.
      if (auto registered = of().party->registered(der); registered && registered->der() == der)
        shown_.chain.push_back(std::move(*registered));
      else if (auto taken = read(der); !taken)
        return taken;
      new_leaf_ = std::move(der);
    }
    // A connector's list begins with the leaf, an acceptor's does not.
    for (int i = side_ == auth::side::connector ? 1 : 0; i < sk_X509_num(rest); ++i)
      if (auto taken = read(from_openssl(sk_X509_value(rest, i))); !taken) return taken;
    const unsigned char* stapled = nullptr;
    if (side_ == auth::side::connector)
      if (const auto size = SSL_get_tlsext_status_ocsp_resp(ssl_.get(), &stapled); size > 0)
        shown_.stapled.push_back(to_bytes(bytes_view(stapled, static_cast<std::size_t>(size))));
    return done();
  }

  // What OpenSSL calls. Nothing is thrown through it.

  [[nodiscard]] static machine& self_of(const SSL* ssl) noexcept {
    return *static_cast<machine*>(SSL_get_app_data(ssl));
  }
  /// Stops OpenSSL at the next byte it reads; then `why` is said to be the reason.
  void stop(int alert, error why) {
    if (ended_) return;
    veto_alert_ = alert;
    ended_ = std::move(why);
    source_ = {};
  }

  /// Accepts every chain, unless its key may not sign or is costly to use: a stranger's is used
  /// before anybody knows him.
  static int verify(X509_STORE_CTX* store, void* /*unused*/) {
    auto* const leaf = X509_STORE_CTX_get0_cert(store);
    const auto* const key = X509_get0_pubkey(leaf);
    bool sound = key != nullptr && (X509_get_key_usage(leaf) & X509v3_KU_DIGITAL_SIGNATURE) != 0;
    if (sound && EVP_PKEY_is_a(key, "EC") == 0) {
      BIGNUM* exponent = nullptr;
      const auto bits = EVP_PKEY_get_bits(key);
      sound = EVP_PKEY_is_a(key, "RSA") != 0 && bits >= 2048 && bits <= 8192 &&
              EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_E, &exponent) == 1 &&
              BN_num_bits(exponent) <= 64;
      BN_free(exponent);
    }
    X509_STORE_CTX_set_error(store, sound ? X509_V_OK : X509_V_ERR_APPLICATION_VERIFICATION);
    return sound ? 1 : 0;
  }
  static int certificate_wanted(SSL* ssl, void* /*unused*/) {
    self_of(ssl).was_asked_ = true;
    return 1;
  }
  static int protocols_offered(SSL* ssl, const unsigned char** chosen, unsigned char* chosen_size,
                               const unsigned char* offered, unsigned size, void* /*unused*/) {
    int answer = SSL_TLSEXT_ERR_ALERT_FATAL;
    auto& self = self_of(ssl);
    if (!keywarden::detail::contained([&] {
          const auto name = self.chosen_protocol(bytes_view(offered, size));
          if (name.empty()) return;
          *chosen = name.data();
          *chosen_size = static_cast<unsigned char>(name.size());
          answer = SSL_TLSEXT_ERR_OK;
        }))
      self.out_of_memory_ = true;
    return answer;
  }
  [[nodiscard]] bytes_view chosen_protocol(bytes_view offered) {
    while (!offered.empty()) {
      const auto size = std::min<std::size_t>(offered[0], offered.size() - 1);
      const auto name = offered.subspan(1, size);
      offered = offered.subspan(1 + size);
      if (!of().application_protocol.empty()) {
        if (as_text(name) == of().application_protocol) return name;
        continue;
      }
      auto clause = from_protocol_name(as_text(name));
      if (!clause) continue;
      expected_ = negotiate(*clause, of().clause);
      if (!expected_->is_refused()) return name;
      stop(static_cast<int>(shared::refusal_alert), to_error(*expected_));
      return {};
    }
    return {};
  }
  /// Alerts, both ways.
  static void told(const SSL* ssl, int what, int value) {
    constexpr int user_canceled = 90;
    const int description = value & 0xff;
    auto& self = self_of(ssl);
    if (what == SSL_CB_READ_ALERT && description != user_canceled) self.heard_ = description;
    if (what == SSL_CB_WRITE_ALERT && description != SSL3_AD_CLOSE_NOTIFY) self.said_ = description;
  }
  /// Records that are sent are counted, KeyUpdates followed, and bounded: RFC 8446 does not.
  static void message(int sent, int /*version*/, int type, const void* data, std::size_t size,
                      SSL* /*unused*/, void* machine_of_it) {
    auto& self = *static_cast<machine*>(machine_of_it);
    const auto* const content = static_cast<const std::uint8_t*>(data);
    if (type == SSL3_RT_HEADER && sent != 0) return self.keys_.count();
    if (type == SSL3_RT_HEADER && size >= 5) self.record_size_ = content[3] * 256U + content[4];
    if (type == SSL3_RT_INNER_CONTENT_TYPE && sent == 0 && self.finished())
      self.wipe_read(!self.next_covers(self.record_size_));
    if (type != SSL3_RT_HANDSHAKE || size == 0 || content[0] != SSL3_MT_KEY_UPDATE) return;
    if (!keywarden::detail::contained([&] {
          if (sent != 0)
            self.keys_.update();
          else
            self.peer_updates_keys();
        }))
      self.out_of_memory_ = true;
  }
  void peer_updates_keys() {
    const auto now = std::chrono::steady_clock::now();
    if (peer_updated_ && now - *peer_updated_ < std::chrono::seconds(1))
      stop(static_cast<int>(Botan::TLS::AlertType::UnexpectedMessage),
           error(errc::malformed).with(fact::reason, "the peer changes its keys too often"));
    peer_updated_ = now;
  }
  /// Of the secrets that protect what this side writes.
  static void secret_made(const SSL* ssl, const char* line) {
    auto& self = self_of(ssl);
    const bool connects = self.side_ == auth::side::connector;
    const std::string_view all(line);
    if (!all.starts_with(connects ? "CLIENT_TRAFFIC_SECRET_0 " : "SERVER_TRAFFIC_SECRET_0 ") &&
        !(connects && all.starts_with("CLIENT_HANDSHAKE_TRAFFIC_SECRET ")))
      return;
    if (!keywarden::detail::contained([&] {
          const auto secret = Botan::hex_decode_locked(all.substr(all.rfind(' ') + 1));
          if (connects && all[7] == 'H') self.handshake_keys_.install(secret);
          self.keys_.install(secret);
        }))
      self.out_of_memory_ = true;
  }

  // The wire: OpenSSL reads what is fed from where it lies, and writes to the end of `outgoing`.

  [[nodiscard]] static const BIO_METHOD* wire_method() noexcept {
    // Never freed: sessions may outlive what is destroyed at exit.
    static const BIO_METHOD* const made = [] {
      auto* const method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "keywarden");
      if (method != nullptr) {
        BIO_meth_set_read_ex(method, &read_wire);
        BIO_meth_set_write_ex(method, &write_wire);
        BIO_meth_set_ctrl(method, [](BIO*, int what, long, void*) -> long {
          return what == BIO_CTRL_FLUSH ? 1 : 0;
        });
      }
      return method;
    }();
    return made;
  }
  static int read_wire(BIO* wire, char* to, std::size_t size, std::size_t* read) {
    auto& self = *static_cast<machine*>(BIO_get_data(wire));
    *read = std::min(size, self.source_.size());
    BIO_clear_retry_flags(wire);
    if (*read == 0) {
      if (!self.ended_ && !self.out_of_memory_) BIO_set_retry_read(wire);
      return 0;
    }
    std::memcpy(to, self.source_.data(), *read);
    self.source_ = self.source_.subspan(*read);
    return 1;
  }
  static int write_wire(BIO* wire, const char* from, std::size_t size, std::size_t* written) {
    auto& self = *static_cast<machine*>(BIO_get_data(wire));
    BIO_clear_retry_flags(wire);
    *written = 0;
    if (!keywarden::detail::contained(
            [&] { self.outgoing_.append(as_bytes(std::string_view(from, size))); })) {
      self.out_of_memory_ = true;
      return 0;
    }
    *written = size;
    return 1;
  }

  std::shared_ptr<contexts> shared_;
  owned_ssl ssl_;
  bytes hello_;                 // the first record, until it is whole
  bytes_view source_;           // of the bytes that are fed, what is not read yet
  std::size_t mark_ = 0;        // where `outgoing` ended before they came
  bytes new_leaf_;              // of a peer that was not let in before, as it came
  write_keys keys_;             // of this side's records
  write_keys handshake_keys_;   // a connector's, before its last flight
  std::optional<error> ended_;  // why OpenSSL was stopped
  std::optional<std::chrono::steady_clock::time_point> peer_updated_;
  std::size_t record_size_ = 0;  // of the one that is being read, as on the wire
  int veto_alert_ = static_cast<int>(shared::refusal_alert);
  int heard_ = -1;  // the peer's alert
  int said_ = -1;   // OpenSSL's
  bool waits_ = false;
  bool wipes_ = true;
  bool out_of_memory_ = false;
};

}  // namespace keywarden::transport::libssl::detail
