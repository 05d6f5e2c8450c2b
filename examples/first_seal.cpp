//[first_seal
#include <iostream>

#include <keywarden/keywarden.hpp>
#include <keywarden/store/sqlite.hpp>
namespace kw = keywarden;

using policy = kw::standard_policy<kw::store::sqlite>;
struct card_number {  // what is sealed for one purpose opens for no other
  static constexpr std::string_view name = "card number";
};

int main() {
  const policy::service_key ways_in(kw::protect::account("first_seal.account"),
                                    kw::protect::machine("first_seal.machine"));
  auto vault =
      kw::vault<policy>::open_or_create(kw::store::sqlite::open("first_seal.db").value(), ways_in)
          .value();
  if (!vault.database("sales")) {  // the first time
    auto sales = vault.create_database("sales").value();
    sales.master_key().create(kw::password("Correct horse 7 battery")).value();
    sales.keys().create("cards", kw::by::master_key{}).value();
  }
  const auto key = vault.database("sales").value().keys().open<card_number>("cards").value();
  const auto sealed =
      key.seal(kw::as_bytes("4111 1111 1111 1111"), kw::as_bytes("customer 7")).value();
  std::cout << key.open(sealed, kw::as_bytes("customer 7")).value().text() << '\n';
}
//]

//[survives
static_assert(kw::survives<policy::service_key, kw::loss::account>);
static_assert(!kw::survives<policy::service_key, kw::loss::account, kw::loss::machine>);
//]
