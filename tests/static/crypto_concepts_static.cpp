// The concepts aead and password_kdf: an archetype that satisfies each, and for each requirement a
// type that lacks only that.

#include <keywarden/crypto/aead.hpp>
#include <keywarden/crypto/password_kdf.hpp>

namespace crypto_concepts_static {

namespace kw = keywarden;
namespace crypto = keywarden::crypto;
using kw::result;

//[aead
struct context_archetype {
  static result<context_archetype> create(const kw::secret_key&);
  kw::status seal(const kw::nonce&, kw::bytes_view, kw::mutable_bytes, crypto::tag&);
  kw::status open(const kw::nonce&, kw::bytes_view, kw::mutable_bytes, const crypto::tag&);
};

struct aead_archetype {
  static constexpr std::string_view name = "archetype";
  static constexpr crypto::suite id = crypto::suite::aes256_gcm;
  static constexpr std::size_t key_size = 32;
  static constexpr unsigned strength = 256;
  static constexpr std::uint64_t max_messages = 1;
  static constexpr std::uint64_t max_message_size = 1;
  static constexpr bool nonce_misuse_resistant = false;
  using context = context_archetype;
};
static_assert(crypto::aead<aead_archetype>);
//]

// A name declared again in a derived class hides the inherited one; a function does not stand for a
// value.
struct without_name : aead_archetype {
  static void name();
};
struct without_id : aead_archetype {
  static void id();
};
struct with_a_number_for_id : aead_archetype {
  static constexpr int id = 1;
};
struct without_key_size : aead_archetype {
  static void key_size();
};
struct without_strength : aead_archetype {
  static void strength();
};
struct without_max_messages : aead_archetype {
  static void max_messages();
};
struct without_max_message_size : aead_archetype {
  static void max_message_size();
};
struct without_misuse_fact : aead_archetype {
  struct unknown {};
  static constexpr unknown nonce_misuse_resistant{};
};
struct without_context : aead_archetype {
 private:
  using context = context_archetype;
};
struct with_context_from_bytes : aead_archetype {
  struct context : context_archetype {
    static result<context> create(kw::bytes_view);
  };
};
struct with_context_that_never_fails : aead_archetype {
  struct context : context_archetype {
    static context create(const kw::secret_key&);
  };
};
struct with_unchecked_open : aead_archetype {
  struct context : context_archetype {
    static result<context> create(const kw::secret_key&);
    bool open(const kw::nonce&, kw::bytes_view, kw::mutable_bytes, const crypto::tag&);
  };
};
struct with_seal_without_associated_data : aead_archetype {
  struct context : context_archetype {
    static result<context> create(const kw::secret_key&);
    kw::status seal(const kw::nonce&, kw::mutable_bytes, crypto::tag&);
  };
};
struct with_seal_that_takes_a_salt : aead_archetype {
  struct context : context_archetype {
    static result<context> create(const kw::secret_key&);
    kw::status seal(const kw::salt&, kw::bytes_view, kw::mutable_bytes, crypto::tag&);
  };
};
static_assert(!crypto::aead<without_name>);
static_assert(!crypto::aead<without_id>);
static_assert(!crypto::aead<with_a_number_for_id>);
static_assert(!crypto::aead<without_key_size>);
static_assert(!crypto::aead<without_strength>);
static_assert(!crypto::aead<without_max_messages>);
static_assert(!crypto::aead<without_max_message_size>);
static_assert(!crypto::aead<without_misuse_fact>);
static_assert(!crypto::aead<without_context>);
static_assert(!crypto::aead<with_context_from_bytes>);
static_assert(!crypto::aead<with_context_that_never_fails>);
static_assert(!crypto::aead<with_unchecked_open>);
static_assert(!crypto::aead<with_seal_without_associated_data>);
static_assert(!crypto::aead<with_seal_that_takes_a_salt>);
static_assert(!crypto::aead<int>);

//[password_kdf
struct kdf_archetype {
  static constexpr std::string_view name = "archetype";
  static constexpr crypto::kdf_cost cost{};
  static constexpr crypto::kdf_cost floor{};
  static constexpr crypto::kdf_cost ceiling{};
  static constexpr unsigned guess_cost = 0;
  static result<kw::secret_key> derive(const kw::password&, const kw::salt&,
                                       const crypto::kdf_cost&);
};
static_assert(crypto::password_kdf<kdf_archetype>);
//]

struct kdf_without_name : kdf_archetype {
  static void name();
};
struct kdf_without_cost : kdf_archetype {
  static void cost();
};
struct kdf_without_floor : kdf_archetype {
  static void floor();
};
struct kdf_without_ceiling : kdf_archetype {
  static void ceiling();
};
struct kdf_without_guess_cost : kdf_archetype {
  static void guess_cost();
};
struct kdf_from_a_key : kdf_archetype {
  static result<kw::secret_key> derive(const kw::secret_key&, const kw::salt&,
                                       const crypto::kdf_cost&);
};
struct kdf_from_text : kdf_archetype {
  static result<kw::secret_key> derive(std::string_view, const kw::salt&, const crypto::kdf_cost&);
};
struct kdf_without_salt : kdf_archetype {
  static result<kw::secret_key> derive(const kw::password&, const crypto::kdf_cost&);
};
struct kdf_to_bytes : kdf_archetype {
  static result<kw::bytes> derive(const kw::password&, const kw::salt&, const crypto::kdf_cost&);
};
struct kdf_without_derive : kdf_archetype {
  static constexpr int derive = 0;
};
static_assert(!crypto::password_kdf<kdf_without_name>);
static_assert(!crypto::password_kdf<kdf_without_cost>);
static_assert(!crypto::password_kdf<kdf_without_floor>);
static_assert(!crypto::password_kdf<kdf_without_ceiling>);
static_assert(!crypto::password_kdf<kdf_without_guess_cost>);
static_assert(!crypto::password_kdf<kdf_from_a_key>);
static_assert(!crypto::password_kdf<kdf_from_text>);
static_assert(!crypto::password_kdf<kdf_without_salt>);
static_assert(!crypto::password_kdf<kdf_to_bytes>);
static_assert(!crypto::password_kdf<kdf_without_derive>);

}  // namespace crypto_concepts_static
