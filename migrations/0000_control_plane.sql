CREATE TABLE `collections` (
	`id` text PRIMARY KEY NOT NULL,
	`tenant_uid` text NOT NULL,
	`name` text NOT NULL,
	`placement_epoch` integer DEFAULT 1 NOT NULL,
	`language` text NOT NULL,
	`settings` text NOT NULL,
	`generation_id` text NOT NULL,
	`created_at_ms` integer NOT NULL,
	`updated_at_ms` integer NOT NULL,
	`deleted_at_ms` integer
);
--> statement-breakpoint
CREATE UNIQUE INDEX `collections_live_by_name` ON `collections` (`tenant_uid`,`name`) WHERE deleted_at_ms IS NULL;--> statement-breakpoint
CREATE INDEX `collections_by_tenant` ON `collections` (`tenant_uid`);--> statement-breakpoint
CREATE TABLE `documents` (
	`collection_id` text NOT NULL,
	`document_id` text NOT NULL,
	`tenant_uid` text NOT NULL,
	`status` text NOT NULL,
	`bytes` integer NOT NULL,
	`chunks` integer NOT NULL,
	`version` integer NOT NULL,
	`sequence` integer NOT NULL,
	`updated_at_ms` integer NOT NULL,
	PRIMARY KEY(`collection_id`, `document_id`)
);
--> statement-breakpoint
CREATE TABLE `generations` (
	`id` text PRIMARY KEY NOT NULL,
	`collection_id` text NOT NULL,
	`profile_id` text NOT NULL,
	`dimensions` integer NOT NULL,
	`chunking` text NOT NULL,
	`shards` integer NOT NULL,
	`precision` text NOT NULL,
	`created_at_ms` integer NOT NULL
);
--> statement-breakpoint
CREATE INDEX `generations_by_collection` ON `generations` (`collection_id`);--> statement-breakpoint
CREATE TABLE `job_progress` (
	`job_id` text NOT NULL,
	`shard` integer NOT NULL,
	`succeeded` integer NOT NULL,
	`failed` integer NOT NULL,
	`cancelled` integer NOT NULL,
	PRIMARY KEY(`job_id`, `shard`)
);
--> statement-breakpoint
CREATE TABLE `jobs` (
	`id` text PRIMARY KEY NOT NULL,
	`tenant_uid` text NOT NULL,
	`collection_id` text NOT NULL,
	`status` text NOT NULL,
	`total` integer NOT NULL,
	`key_id` text NOT NULL,
	`created_at_ms` integer NOT NULL,
	`updated_at_ms` integer NOT NULL,
	`finished_at_ms` integer
);
--> statement-breakpoint
CREATE INDEX `jobs_by_tenant` ON `jobs` (`tenant_uid`,`created_at_ms`,`id`);--> statement-breakpoint
CREATE TABLE `keys` (
	`id` text PRIMARY KEY NOT NULL,
	`tenant_uid` text NOT NULL,
	`name` text NOT NULL,
	`kind` text NOT NULL,
	`secret_hash` text NOT NULL,
	`sealed_signing_key` text,
	`scopes` text NOT NULL,
	`collections` text,
	`origins` text,
	`ip_ranges` text,
	`filter` text,
	`rate_limit` text,
	`expires_at_ms` integer,
	`tokens_not_before_ms` integer,
	`version` integer DEFAULT 1 NOT NULL,
	`created_by` text NOT NULL,
	`created_at_ms` integer NOT NULL,
	`updated_at_ms` integer NOT NULL,
	`revoked_at_ms` integer
);
--> statement-breakpoint
CREATE INDEX `keys_by_tenant` ON `keys` (`tenant_uid`,`id`);--> statement-breakpoint
CREATE TABLE `meta` (
	`key` text PRIMARY KEY NOT NULL,
	`value` integer NOT NULL
);
--> statement-breakpoint
CREATE TABLE `tenants` (
	`id` text PRIMARY KEY NOT NULL,
	`uid` text,
	`name` text,
	`suspended` integer DEFAULT false NOT NULL,
	`limits` text,
	`created_at_ms` integer,
	`updated_at_ms` integer,
	`deleted_at_ms` integer
);
--> statement-breakpoint
CREATE UNIQUE INDEX `tenants_by_uid` ON `tenants` (`uid`);--> statement-breakpoint
INSERT INTO `meta` (`key`, `value`) VALUES ('schema_version', 1) ON CONFLICT (`key`) DO UPDATE SET `value` = excluded.`value`;
