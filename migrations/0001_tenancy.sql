CREATE TABLE `usage_daily` (
	`tenant_uid` text NOT NULL,
	`day` text NOT NULL,
	`collection_id` text NOT NULL,
	`key_id` text NOT NULL,
	`searches` integer DEFAULT 0 NOT NULL,
	`answers` integer DEFAULT 0 NOT NULL,
	`documents_written` integer DEFAULT 0 NOT NULL,
	`documents_deleted` integer DEFAULT 0 NOT NULL,
	`chunks_written` integer DEFAULT 0 NOT NULL,
	`bytes_written` integer DEFAULT 0 NOT NULL,
	`embedding_tokens` integer DEFAULT 0 NOT NULL,
	`updated_at_ms` integer NOT NULL,
	PRIMARY KEY(`tenant_uid`, `day`, `collection_id`, `key_id`)
);
--> statement-breakpoint
CREATE TABLE `usage_stored_daily` (
	`tenant_uid` text NOT NULL,
	`day` text NOT NULL,
	`collection_id` text NOT NULL,
	`documents` integer NOT NULL,
	`chunks` integer NOT NULL,
	`bytes` integer NOT NULL,
	`updated_at_ms` integer NOT NULL,
	PRIMARY KEY(`tenant_uid`, `day`, `collection_id`)
);
--> statement-breakpoint
ALTER TABLE `keys` ADD `previous_secret_hash` text;--> statement-breakpoint
ALTER TABLE `keys` ADD `previous_sealed_signing_key` text;--> statement-breakpoint
ALTER TABLE `keys` ADD `previous_until_ms` integer;--> statement-breakpoint
ALTER TABLE `keys` ADD `rotated_by` text;--> statement-breakpoint
ALTER TABLE `keys` ADD `last_used_at_ms` integer;--> statement-breakpoint
INSERT INTO `meta` (`key`, `value`) VALUES ('schema_version', 2) ON CONFLICT (`key`) DO UPDATE SET `value` = excluded.`value`;
