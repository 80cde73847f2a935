//! The tables as diesel sees them; `migrations/` makes them.

diesel::table! {
    accounts (name) {
        name -> Text,
        display_name -> Text,
        email -> Nullable<Text>,
        roles -> Text,
        disabled -> Bool,
        password_hash -> Nullable<Text>,
        ha1_realm -> Nullable<Text>,
        ha1_md5 -> Nullable<Text>,
        ha1_sha256 -> Nullable<Text>,
        created_at -> BigInt,
    }
}

diesel::table! {
    conferences (number) {
        number -> Text,
        alias -> Nullable<Text>,
        title -> Text,
        access -> Text,
        pin -> Nullable<Text>,
        chair_pin -> Nullable<Text>,
        options -> Text,
        created_at -> BigInt,
        updated_at -> BigInt,
    }
}

diesel::table! {
    members (conference, position) {
        conference -> Text,
        position -> Integer,
        address -> Text,
        name -> Text,
        role -> Text,
    }
}

diesel::table! {
    bindings (aor, binding) {
        aor -> Text,
        binding -> Text,
        contact -> Text,
        call_id -> Text,
        cseq -> BigInt,
        expires_at -> BigInt,
        user_agent -> Text,
        path -> Text,
        instance -> Nullable<Text>,
        reg_id -> Nullable<BigInt>,
        source -> Text,
        transport -> Text,
        received -> Nullable<Text>,
    }
}

diesel::table! {
    sessions (token_sha256) {
        token_sha256 -> Binary,
        account -> Text,
        created_at -> BigInt,
        expires_at -> BigInt,
    }
}

diesel::table! {
    trunks (name) {
        name -> Text,
        settings -> Text,
        password -> Nullable<Text>,
        created_at -> BigInt,
        updated_at -> BigInt,
    }
}

diesel::allow_tables_to_appear_in_same_query!(accounts, sessions);
diesel::allow_tables_to_appear_in_same_query!(conferences, members);
