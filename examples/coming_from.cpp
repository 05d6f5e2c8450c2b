// What other libraries call by other names, each in its own function: Tink, DPAPI and ASP.NET Data
// Protection, Vault's transit engine, libsodium, Botan and OpenSSL by hand. docs/coming_from/ shows
// them beside their counterparts. Every claim is checked; the exit status is 0 only if all hold.

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>

#include <keywarden/key/stream.hpp>
#include <keywarden/keywarden.hpp>
#include <keywarden/store/sqlite.hpp>

namespace kw = keywarden;

namespace {

using policy = kw::standard_policy<kw::store::sqlite>;
using vault = kw::vault<policy>;
using database = vault::database_handle;

bool all_hold = true;

void claim(const char* words, bool holds) {
  std::printf("  %-6s %s\n", holds ? "ok" : "FAILED", words);
  all_hold = all_hold && holds;
}

//[purposes
struct card_number {
  static constexpr std::string_view name = "card number";
};
struct sealed_report {
  static constexpr std::string_view name = "monthly report";
};
//]

void from_tink(database& sales) {
  //[tink_aead
  // A keyset is a named key in a vault; it is never an object in memory that someone can print.
  sales.keys().create("cards", kw::by::master_key{}).value();
  const auto aead = sales.keys().open<card_number>("cards").value();
  const auto sealed = aead.seal(kw::as_bytes("4111 1111"), kw::as_bytes("customer 7")).value();
  const auto opened = aead.open(sealed, kw::as_bytes("customer 7")).value();
  //]
  claim("what was sealed opens", opened.text() == "4111 1111");

  //[tink_format
  // Tink's wire form, for programs that share data with Tink in another language.
  const auto shared = sales.keys().open<card_number, kw::format::tink>("cards").value();
  const auto for_java = shared.seal(kw::as_bytes("4111 1111"), kw::as_bytes("customer 7")).value();
  //]
  claim("Tink's form begins with its prefix", for_java.view()[0] == 0x01);

  //[tink_rotate
  const auto newest = sales.keys().rotate("cards").value();  // what was sealed before still opens
  //]
  const auto later = sales.keys().open<card_number>("cards").value();
  claim("the new version seals", later.active() == newest);
  claim("the old one's message still opens",
        later.open(sealed, kw::as_bytes("customer 7")).has_value());
}

void from_dpapi(const std::filesystem::path& folder) {
  //[dpapi_protect
  // CurrentUser or LocalMachine, and the optional entropy: what opens the vault is a type.
  const auto entropy = [] { return kw::secret_key::copy_of(kw::as_bytes("only this program")); };
  const policy::service_key opens(kw::protect::account(folder / "account").with_entropy(entropy()),
                                  kw::protect::machine(folder / "machine").with_entropy(entropy()));
  auto here =
      vault::open_or_create(kw::store::sqlite::open((folder / "dpapi.db").string()).value(), opens)
          .value();
  here.credentials().put("smtp", "mailer", kw::as_bytes("not on paper")).value();
  const auto found = here.credentials().get("smtp").value();
  //]
  claim("a protected secret is read again", found.secret.text() == "not on paper");
  const policy::service_key without(kw::protect::account(folder / "account"),
                                    kw::protect::machine(folder / "machine"));
  const auto refused =
      vault::open(kw::store::sqlite::open((folder / "dpapi.db").string()).value(), without);
  claim("without the entropy it is not", !refused && refused.error() == kw::errc::access_lost);
}

void from_data_protection(database& sales) {
  sales.keys().create("cookies", kw::by::master_key{}).value();
  //[data_protection
  // CreateProtector("card number"): the purpose is a type, so the wrong one does not compile.
  const auto protector = sales.keys().open<card_number>("cookies").value();
  const kw::sealed<card_number> cookie = protector.seal(kw::as_bytes("4111 1111")).value();
  const auto opened = protector.open(cookie).value();
  //]
  claim("a protected payload opens", opened.text() == "4111 1111");
  const auto other = sales.keys().open<sealed_report>("cookies").value();
  const kw::bytes stolen(cookie.view().begin(), cookie.view().end());
  claim("the bytes do not open for another purpose",
        other.open(kw::sealed<sealed_report>(stolen)).error() == kw::errc::authentication_failed);
}

void from_vault_transit(database& sales) {
  //[transit_write
  sales.keys().create("orders", kw::by::master_key{}).value();
  const auto first = sales.keys().open<card_number>("orders").value();
  const auto ciphertext = first.seal(kw::as_bytes("4111 1111")).value();
  //]
  //[transit_rotate
  const auto old = first.active();
  sales.keys().rotate("orders").value();
  // Rewrap: open with what sealed it, seal with the newest.
  const auto now = sales.keys().open<card_number>("orders").value();
  const auto rewrapped = now.seal(now.open(ciphertext).value().view()).value();
  // min_decryption_version: a version that is disabled opens nothing any more.
  sales.keys().disable("orders", old).value();
  //]
  const auto after = sales.keys().open<card_number>("orders").value();
  claim("what was rewrapped opens", after.open(rewrapped)->text() == "4111 1111");
  claim("the disabled version opens nothing",
        after.open(ciphertext).error() == kw::errc::unknown_key);
}

void from_libsodium(database& sales) {
  sales.keys().create("notes", kw::by::master_key{}).value();
  //[sodium_secretbox
  // The nonce is drawn, counted against the key's limit and stored with the message.
  const auto box = sales.keys().open<card_number>("notes").value();
  const auto sealed = box.seal(kw::as_bytes("a note")).value();
  const auto opened = box.open(sealed);
  if (!opened) std::printf("%s\n", opened.error().message().c_str());
  //]
  claim("a secret box opens", opened && opened->text() == "a note");

  //[sodium_secretstream
  const auto ring = sales.keys().open_ring("notes").value();
  const auto stream = kw::opened_stream_key<sealed_report>::create(ring).value();
  kw::bytes written;
  stream.seal(kw::memory_source(kw::as_bytes("page 1, page 2")), kw::bytes_sink(written)).value();
  kw::bytes read;
  stream.open(kw::memory_source(written), kw::bytes_sink(read)).value();
  //]
  claim("a stream opens", kw::as_text(read) == "page 1, page 2");
  kw::bytes rest;
  written.pop_back();
  claim("a stream that was cut is refused",
        !stream.open(kw::memory_source(written), kw::bytes_sink(rest)));
}

void from_botan(database& sales) {
  sales.keys().create("packets", kw::by::master_key{}).value();
  //[botan_in_place
  const auto key = sales.keys().open<card_number>("packets").value();
  const auto message = kw::as_bytes("4111 1111 1111 1111");
  // One buffer for every message; nothing is allocated and no cipher is keyed per call.
  kw::bytes buffer(key.sealed_size(message.size()));
  const auto size = key.seal_into(message, kw::as_bytes("row 7"), buffer).value();
  kw::bytes opened(message.size());
  key.open_into(kw::bytes_view(buffer).first(size), kw::as_bytes("row 7"), opened).value();
  //]
  claim("what was sealed in place opens", std::ranges::equal(opened, message));
}

void from_openssl(database& sales) {
  sales.keys().create("records", kw::by::master_key{}).value();
  //[openssl_evp
  const auto key = sales.keys().open<card_number>("records").value();
  auto sealed = key.seal(kw::as_bytes("4111 1111"), kw::as_bytes("row 7")).value();
  //]
  kw::bytes altered(sealed.view().begin(), sealed.view().end());
  altered.back() ^= 1U;
  //[openssl_refusal
  // There is no plaintext to use by mistake: a refusal is the other half of a result.
  const auto refused = key.open(kw::sealed<card_number>(altered), kw::as_bytes("row 7"));
  if (!refused) std::printf("%s\n", refused.error().message().c_str());
  //]
  claim("an altered message is refused",
        !refused && refused.error() == kw::errc::authentication_failed);
}

void try_all(const std::filesystem::path& folder) {
  const policy::service_key opens(kw::protect::account(folder / "account"),
                                  kw::protect::machine(folder / "machine"));
  auto here =
      vault::open_or_create(kw::store::sqlite::open((folder / "vault.db").string()).value(), opens)
          .value();
  auto sales = here.create_database("sales").value();
  sales.master_key().create(kw::password("Correct horse 7 battery")).value();
  std::puts("From Tink");
  from_tink(sales);
  std::puts("From DPAPI");
  from_dpapi(folder);
  std::puts("From ASP.NET Data Protection");
  from_data_protection(sales);
  std::puts("From Vault's transit engine");
  from_vault_transit(sales);
  std::puts("From libsodium");
  from_libsodium(sales);
  std::puts("From Botan by hand");
  from_botan(sales);
  std::puts("From OpenSSL by hand");
  from_openssl(sales);
}

}  // namespace

int main() {
  std::string folder = (std::filesystem::temp_directory_path() / "coming_from.XXXXXX").string();
  if (::mkdtemp(folder.data()) == nullptr) {
    std::perror("mkdtemp");
    return EXIT_FAILURE;
  }
  try {
    try_all(folder);
  } catch (const kw::refused& why) {
    claim(why.what(), false);
  }
  std::error_code ignored;
  std::filesystem::remove_all(folder, ignored);
  return all_hold ? EXIT_SUCCESS : EXIT_FAILURE;
}
